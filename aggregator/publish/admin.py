"""What an admin should look after, as a page and as a feed. Secrets in URLs are hidden in both."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jinja2

from aggregator.logs import redact
from aggregator.model import Article, FeedHead, Origin, Site, Situation, SourceStatus, Trouble
from aggregator.publish.feeds import render_rss

ADMIN_PATH = "/admin/"
PROBLEMS_PATH = "/admin/problems.rss"

_TOLD_AFTER = 3  # failures in a row: most sources fail once in a while, and the next poll is the cure
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_LATE = datetime.max.replace(tzinfo=UTC)
_WORST_FIRST = ("error", "disabled", "noted", "new", "ok")


def render_admin(env: jinja2.Environment, template: str, **values: Any) -> str:
    """Return one of the administration pages; what each template shows is handed in by its name."""
    return env.get_template(template).render(section=None, redact=redact, **values)


def list_overview(situation: Situation) -> dict[str, Any]:
    """What the first page shows of a situation: the sources, the worst first, and counts."""
    rows = sorted(((_grade(row), row) for row in situation.sources), key=_rank)
    return {
        "situation": situation,
        "rows": rows,
        "counts": Counter(kind for kind, _ in rows),
        "merged": sum((Counter(row.merged) for row in situation.sources), Counter()).most_common(),
    }


def render_problems(*, site: Site, situation: Situation, names: Mapping[str, str], tag_prefix: str) -> bytes:
    """Return the feed of what is wrong now, the newest first, as RSS.

    An item keeps its guid as long as the same trouble lasts: what comes back later is a new one. A source
    is in it once it has failed three times in a row, or is polled no more.
    """
    troubles = list_troubles(situation, names)
    url = f"{site.url}{PROBLEMS_PATH}"
    head = FeedHead(
        id=f"{tag_prefix}feed/admin/problems",
        title=f"{site.title} – problems",
        description="What an admin should look after. An item that has gone is over.",
        lang="en",
        dir="ltr",
        home_url=f"{site.url}{ADMIN_PATH}",
        article_root=f"{site.url}{ADMIN_PATH}#",
        rss_url=url,
        atom_url="",
        json_url="",
        ttl=timedelta(minutes=10),
        icon_url=None,
        updated_at=max(_list_dates(situation), default=_LONG_AGO),
    )
    origin = Origin(id="admin", name=site.title, feed_url=url, site_url=None, updated_at=head.updated_at)
    return render_rss(head, [_make_item(trouble, head, origin, tag_prefix) for trouble in troubles])


def list_troubles(situation: Situation, names: Mapping[str, str]) -> list[Trouble]:
    """What is wrong now, the newest first."""
    troubles = [*situation.troubles, *_list_failing(situation, names)]
    return sorted(troubles, key=lambda trouble: (trouble.since, trouble.key), reverse=True)


def name_trouble(key: str, since: datetime, tag_prefix: str) -> str:
    """The guid of a trouble: the same as long as it lasts."""
    name = hashlib.blake2b(f"{key}\n{since.isoformat()}".encode(), digest_size=8).hexdigest()
    return f"{tag_prefix}problem/{name}"


def _grade(row: SourceStatus) -> str:
    """The state, with "noted" for a source that works but has something said of it."""
    return "noted" if row.state == "ok" and row.problems else row.state


def _rank(graded: tuple[str, SourceStatus]) -> tuple[int, datetime]:
    kind, row = graded
    return _WORST_FIRST.index(kind), row.failing_since or _LATE


def _list_failing(situation: Situation, names: Mapping[str, str]) -> Iterator[Trouble]:
    for row in situation.sources:
        since = row.failing_since or row.last_success_at or _LONG_AGO
        name = names.get(row.id, row.id)
        if row.state == "disabled":
            reason = row.problems[0] if row.problems else row.last_error
            yield Trouble(key=f"disabled {row.id}", since=since, text=f"{name} is polled no more: {reason}")
        elif row.state == "error" and row.failures >= _TOLD_AFTER:
            yield Trouble(key=f"source {row.id}", since=since, text=f"{name} fails: {row.last_error}")


def _list_dates(situation: Situation) -> Iterator[datetime]:
    yield from (trouble.since for trouble in situation.troubles)
    for row in situation.sources:
        yield from (at for at in (row.failing_since, row.last_success_at) if at is not None)


def _make_item(trouble: Trouble, head: FeedHead, origin: Origin, tag_prefix: str) -> Article:
    text = redact(trouble.text)
    return Article(
        id="",
        guid=name_trouble(trouble.key, trouble.since, tag_prefix),
        origin=origin,
        url=head.home_url,
        title=text,
        content_html="",
        excerpt=text,
        authors=(),
        categories=(),
        image=None,
        enclosures=(),
        lang=head.lang,
        dir=head.dir,
        published_at=trouble.since,
        updated_at=trouble.since,
        first_seen_at=trouble.since,
        sections=(),
        coverage=(),
    )
