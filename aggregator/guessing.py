"""Sections from content, where a source's admin asked for it and no rule places an entry.

A linear model learns from what rules have placed: once a day, from title and excerpt, one model an edition.
It is small and lies in the store, so that every process guesses alike and only learning needs scikit-learn.
"""

from __future__ import annotations

import logging
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate

from aggregator.classify import SLOTS, guess_section, list_slots
from aggregator.errors import LearnerMissing
from aggregator.model import Placement, SectionModel, Source
from aggregator.store import Store, Transaction, entries, placing

LEARNED_EVERY = timedelta(days=1)
LEARNED_FROM = 20_000  # entries, the newest
LEAST_OF_A_SECTION = 20
LEAST_SECTIONS = 2
MOST_SECTIONS = 64
_LATELY = timedelta(days=7)  # what is older stays where it is
_BATCH = 500
_STRENGTH = 10.0  # the inverse of the penalty on weights
_QUANTA = 127

_log = logging.getLogger(__name__)


def guess_sections(
    store: Store, sources: Sequence[Source], *, now: datetime, stopping: threading.Event
) -> int:
    """Guess the section of new entries of the sources that want it; how many were moved.

    Raises LearnerMissing where there is something to learn and nothing to learn with.
    """
    by_edition: defaultdict[str, list[str]] = defaultdict(list)
    for source in sources:
        if source.guess_sections:
            by_edition[source.edition].append(source.id)
    moved = 0
    for edition, source_ids in sorted(by_edition.items()):
        model = _find_model(store, edition, now=now)
        while model is not None and not stopping.is_set():
            with store.write() as tx:
                looked_at, placed = _guess_batch(tx, model, source_ids, now=now)
            moved += placed
            if looked_at < _BATCH:
                break
    return moved


def learn_sections(samples: Sequence[placing.Wording], *, now: datetime) -> SectionModel | None:
    """A model of the sections with enough samples; None where they are too few. The same samples, in
    whatever order, make the same model.

    Raises LearnerMissing without scikit-learn.
    """
    counts = Counter(sample.section for sample in samples)
    common = [name for name, count in counts.most_common(MOST_SECTIONS) if count >= LEAST_OF_A_SECTION]
    if len(common) < LEAST_SECTIONS:
        return None
    kept = sorted((s for s in samples if s.section in common), key=lambda sample: sample.id)
    rows = [list_slots(sample.title, sample.excerpt, sample.lang) for sample in kept]
    names = sorted(common)
    fits = [_fit(rows, [sample.section == name for sample in kept]) for name in names]
    scale = max(abs(weight) for weights, _ in fits for weight in weights) / _QUANTA or 1.0
    return SectionModel(
        learned_at=now,
        sections=tuple(names),
        biases=tuple(round(bias, 6) for _, bias in fits),
        scale=scale,
        weights=tuple(struct.pack(f"{SLOTS}b", *(round(w / scale) for w in weights)) for weights, _ in fits),
    )


def _fit(rows: Sequence[Sequence[int]], wanted: Sequence[bool]) -> tuple[list[float], float]:
    """What each slot says for what is wanted, against all else, and what is said without any."""
    try:  # here, since few want it, and it takes a second and 80 MB
        from scipy.sparse import csr_matrix
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise LearnerMissing from None
    slots = [slot for row in rows for slot in row]
    values = [len(row) ** -0.5 for row in rows for _ in row]
    starts = list(accumulate(map(len, rows), initial=0))
    matrix = csr_matrix((values, slots, starts), shape=(len(rows), SLOTS))
    fit = LogisticRegression(C=_STRENGTH, max_iter=200, class_weight="balanced").fit(matrix, wanted)
    return fit.coef_[0].tolist(), float(fit.intercept_[0])


def _find_model(store: Store, edition: str, *, now: datetime) -> SectionModel | None:
    """What was learned in the last day, else what can be learned now."""
    with store.read() as tx:
        known = placing.find_model(tx, edition)
        if known is not None and abs(now - known.learned_at) < LEARNED_EVERY:
            return known
        samples = placing.list_ruled(tx, edition=edition, limit=LEARNED_FROM)
    model = learn_sections(samples, now=now)
    if model is None:
        _log.info("%s: rules have placed too few entries yet to learn sections from", edition)
        return known
    with store.write() as tx:
        placing.save_model(tx, edition, model)
    return model


def _guess_batch(
    tx: Transaction, model: SectionModel, source_ids: Sequence[str], *, now: datetime
) -> tuple[int, int]:
    """How many entries were looked at, and how many moved."""
    waiting = placing.list_unplaced(tx, source_ids, since=now - _LATELY, limit=_BATCH)
    placements: dict[int, Placement] = {}
    moved = {}
    for entry in waiting:
        placement = guess_section(model, entry.title, entry.excerpt, entry.lang, own=entry.section)
        placements[entry.id] = placement
        if placement.section != entry.section:
            moved[entry.id] = entry.article_id
    entries.place_entries(tx, placements)
    if moved:
        entries.relist_articles(tx, set(moved.values()))
        entries.bump_revision(tx, now=now)
    return len(waiting), len(moved)
