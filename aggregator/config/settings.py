"""What a configuration file comes to: frozen, complete, every reference looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from aggregator.errors import ConfigError, Problem
from aggregator.model import Edition, FetchPolicy, Mailing, Section, Site, Source

from .problems import render_suggestion

OWN_HUB_PATH = "/hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One configuration, proven consistent: sources name sections that exist, ids are unique."""

    path: Path  # of the file, as the user gave it
    site: Site
    keep: timedelta | None  # None: for ever
    store_url: str = field(repr=False)  # SQLite files absolute; may hold a password
    fetch: FetchPolicy
    host_gap: timedelta
    requests_per_hour: int | None  # None: no budget
    sources: tuple[Source, ...] = field(repr=False)  # in the order of the file; header values may be secret
    embed_allow: tuple[str, ...]  # origins, or "*" alone
    admin_password: str | None = field(repr=False)  # None: no administration
    admin_webhook: str | None = field(repr=False)  # None: nobody is told of problems
    websub_hub: str | None  # the URL of the hub that our feeds name; None: they name none
    websub_callback: str | None  # ends with a slash; None: no hub is subscribed to
    mailing: Mailing  # of the digests
    refused: tuple[Problem, ...]  # sources that may not be connected to
    notes: tuple[str, ...]  # accepted, but without effect yet: `file:line:column: key: what`

    @property
    def has_own_hub(self) -> bool:
        return self.websub_hub == self.site.url + OWN_HUB_PATH

    def get_source(self, source_id: str) -> Source:
        """The source of that id. Raises ConfigError, with the nearest id there is."""
        for source in self.sources:
            if source.id == source_id:
                return source
        near = render_suggestion(source_id, (source.id for source in self.sources))
        raise ConfigError((f'{self.path}: source: there is no source "{source_id}"{near}',))

    def get_edition(self, edition_id: str) -> Edition:
        """The edition of that id. Raises ConfigError, with those that there are."""
        found = self.site.find_edition(edition_id)
        if found is None:
            known = ", ".join(edition.id for edition in self.site.editions)
            raise ConfigError((f'{self.path}: there is no edition "{edition_id}"; there are: {known}',))
        return found

    def get_section(self, name: str) -> Section:
        """The section of `"sports"` or `"ar/sports"`. Raises ConfigError, with what there is."""
        found = self.find_section(name)
        if found is None:
            known = ", ".join(section.ref for section in self.site.sections)
            raise ConfigError((f'{self.path}: there is no one section "{name}"; there are: {known}',))
        return found

    def find_section(self, ref: str) -> Section | None:
        """The section of `"ar/sports"`, or of `"sports"` where one edition alone has it."""
        found = [section for section in self.site.sections if ref in (section.ref, section.id)]
        return found[0] if len(found) == 1 else None
