"""The last polls of a source, in one column of its row."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.model import PastPoll, PollOutcome, PollResult
from aggregator.store import sources
from aggregator.store.polls import KEPT
from tests.harness import make_source
from tests.store.samples import NOON, open_sample

pytestmark = pytest.mark.usefixtures("each_store")

OUTCOMES: tuple[PollOutcome, ...] = ("new_body", "same_body", "not_modified", "failed")


def test_the_newest_are_kept_and_no_more(tmp_path: Path) -> None:
    """A document of more entries than four digits hold counts as so many."""
    told = []
    with open_sample(tmp_path, make_source()) as store:
        for n in range(KEPT + 5):
            outcome, at = OUTCOMES[n % 4], NOON + timedelta(minutes=n)
            result = PollResult(source_id="harbour", outcome=outcome, polled_at=at, next_poll_at=at)
            with store.write() as tx:
                sources.record_poll(tx, result, new=n * 3000)
            told.append(PastPoll(at=at, outcome=outcome, new=min(n * 3000, 0xFFFF)))
        with store.read() as tx:
            (state,) = sources.list_source_states(tx)
    assert state.polls == tuple(told[: -KEPT - 1 : -1])
