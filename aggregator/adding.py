"""`aggregator add`: a feed, or the page that names it, into config.toml; apart from asking on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from aggregator.config import Settings
from aggregator.config.editing import (
    NewSource,
    append_sources,
    draft_source,
    find_owner,
    make_source_id,
    read_config,
    save_config,
)
from aggregator.errors import ConfigError
from aggregator.logs import redact
from aggregator.model import Entry, Source
from aggregator.probe import Finding, Prober, describe_probe

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A feed that may become a source."""

    url: str  # to be written: where the feed has moved to for good, else where it was found
    id: str  # a suggestion, like the name
    name: str
    finding: Finding
    newest: tuple[Entry, ...]


def propose_source(
    settings: Settings,
    prober: Prober,
    url: str,
    *,
    environ: Mapping[str, str],
    now: datetime,
    choose: Callable[[tuple[str, ...]], str],
) -> Proposal:
    """Fetch the feed at a URL, or the one that `choose` chooses of those that a web page there names.

    Raises ConfigError where it is a source already, and whatever is wrong with the feed.
    """

    def make_source(url: str) -> Source:
        _refuse_known(settings, url)
        return draft_source(settings, url, section=None, environ=environ)

    probe = prober.find_feed(url, make_source, now=now, choose=choose)
    found = probe.inspection
    assert found is not None
    written = probe.source.url if probe.moved_to is None else make_source(probe.moved_to).url
    taken = {source.id for source in settings.sources}
    source_id = make_source_id(found.title, written, taken)
    by_date = sorted((read.entry for read in found.reading.entries), key=lambda e: e.published_at)
    return Proposal(
        url=written,
        id=source_id,
        name=found.title or source_id,
        finding=describe_probe(probe),
        newest=tuple(by_date[: -_SHOWN - 1 : -1]),
    )


def add_source(settings: Settings, new: NewSource, *, environ: Mapping[str, str]) -> None:
    """Write a source at the end of config.toml, every byte of which stays.

    The file is checked as a whole before it is replaced in one step. Raises ConfigError, and then nothing is
    written: also where a source has the id or the URL already.
    """
    _refuse_known(settings, new.url)
    if any(source.id == new.id for source in settings.sources):
        raise ConfigError((f'{settings.path}: there is a source "{new.id}" already; give another id',))
    text = append_sources(read_config(settings.path), [new])  # read anew: asking may have taken a while
    save_config(text, path=settings.path, environ=environ)


def _refuse_known(settings: Settings, url: str) -> None:
    owner = find_owner(settings, url)
    if owner is not None:
        raise ConfigError((f"{settings.path}: source {owner.id} has that URL already: {redact(owner.url)}",))
