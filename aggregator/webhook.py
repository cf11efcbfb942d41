"""Problems are told to a webhook as they begin and end: a small JSON document for each, until it is taken."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aggregator.dates import format_rfc3339
from aggregator.errors import FetchError
from aggregator.logs import redact
from aggregator.model import FetchRequest
from aggregator.publish.admin import ADMIN_PATH, list_troubles, name_trouble
from aggregator.refresh import Line
from aggregator.statuses import WEBHOOK_KEY, read_situation
from aggregator.store import articles, problems

LOOK_EVERY = timedelta(minutes=1)
_TIMEOUT = timedelta(seconds=10)
_HEADERS = (("Content-Type", "application/json; charset=utf-8"),)


class Webhook:
    """What `[admin] webhook` is told. It is never told of its own troubles: those stand in `status`."""

    def __init__(self, line: Line, url: str) -> None:
        self._line = line
        self._url = url
        self._names = {source.id: source.name for source in line.settings.sources}
        self._look_at: datetime | None = None

    def work(self) -> None:
        """Tell what is to be told; to be run by every heartbeat, and never twice at once.

        Whatever is not taken is tried again after a minute, then twice as long, an hour at most. Each is told
        at least once: the same `id` and `event` again is the same news.
        """
        store, now = self._line.store, self._line.now()
        # By any difference: the clock may have been set back.
        if self._look_at is not None and abs(now - self._look_at) < LOOK_EVERY:
            return
        self._look_at = now
        with store.read() as tx:
            situation = read_situation(tx, self._line.settings, now=now)
            tag_prefix = articles.get_tag_prefix(tx)
        troubles = [t for t in list_troubles(situation, self._names) if t.key != WEBHOOK_KEY]
        with store.write() as tx:
            problems.note_problems(tx, troubles, now=now)
            untold = problems.claim_untold(tx, now=now)
        for problem in untold:
            error = self._tell(problem, tag_prefix)
            with store.write() as tx:
                problems.settle(tx, problem, error=error)
            if error is not None:
                return  # the others would fare no better, and wait as long

    def _tell(self, problem: problems.Problem, tag_prefix: str) -> str | None:
        """What went wrong, without the URL: its path may be the secret."""
        body = render_problem(problem, site_url=self._line.settings.site.url, tag_prefix=tag_prefix)
        request = FetchRequest(url=self._url, timeout=_TIMEOUT, headers=_HEADERS, posted=body)
        try:
            fetched = self._line.client.fetch(request)
        except FetchError as error:
            return redact(str(error).replace(self._url, urlsplit(self._url).hostname or ""))
        return None if 200 <= fetched.status < 300 else f"it answered {fetched.status}"


def render_problem(problem: problems.Problem, *, site_url: str, tag_prefix: str) -> bytes:
    """The JSON document of a problem that has begun, or is over."""
    over = problem.ended_at
    said = {
        "event": "begin" if over is None else "end",
        "id": name_trouble(problem.key, problem.since, tag_prefix),
        "text": redact(problem.text) if over is None else f"over: {redact(problem.text)}",
        "since": format_rfc3339(problem.since),
        "ended_at": None if over is None else format_rfc3339(over),
        "site": site_url,
        "admin": f"{site_url}{ADMIN_PATH}",
    }
    return json.dumps(said, ensure_ascii=False).encode()
