"""`aggregator import` and `export`: the sources from and to OPML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.config import Settings, check_source_url
from aggregator.config.editing import (
    NewSource,
    append_sources,
    check_config,
    make_source_id,
    read_config,
    render_change,
    save_config,
    url_key,
)
from aggregator.logs import HIDDEN, redact
from aggregator.model import Section
from aggregator.parse.opml import OpmlOutline, parse_opml
from aggregator.publish import opml
from aggregator.text import collapse_space, strip_controls


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    added: tuple[str, ...]  # source ids
    known: tuple[str, ...]  # one plain sentence for each feed that is there already
    refused: tuple[str, ...]  # the same for what cannot be a source
    change: str  # what changes in the file, as a diff


def export_opml(settings: Settings) -> tuple[bytes, tuple[str, ...]]:
    """The sources as OPML 2.0: a group per section, in groups per edition where there are several.

    Each source says its section as `category` too, so that it comes back to it. Headers are not in it, and
    secrets in URLs are hidden: the second part of the result says of which sources, one plain sentence each.
    """
    by_edition = [
        opml.OpmlGroup(title=edition.locale, outlines=_list_groups(settings, edition.id))
        for edition in settings.site.editions
    ]
    groups = [group for group in by_edition if group.outlines]
    if len(settings.site.editions) == 1:
        groups = list(_list_groups(settings, settings.site.editions[0].id))
    hidden = [s.id for s in settings.sources if redact(s.url) != s.url]
    notes = tuple(f"{i}: its url holds a secret, which is written as {HIDDEN}" for i in hidden)
    return opml.render_opml(title=settings.site.title, groups=groups), notes


def _list_groups(settings: Settings, edition_id: str) -> tuple[opml.OpmlGroup, ...]:
    groups = []
    for section in settings.site.list_sections(edition_id):
        outlines = tuple(
            opml.OpmlOutline(
                title=source.name, xml_url=redact(source.url), lang=source.lang, category=f"/{section.ref}"
            )
            for source in settings.sources
            if source.section == section.ref
        )
        if outlines:
            groups.append(opml.OpmlGroup(title=section.name, outlines=outlines))
    return tuple(groups)


def import_opml(
    settings: Settings,
    body: bytes,
    *,
    section: str | None,
    environ: Mapping[str, str],
    dry_run: bool = False,
) -> ImportResult:
    """Add the feeds of an OPML file to config.toml, every byte of which stays; not with `dry_run`.

    A feed goes to the section that its category names, or its innermost group that is one, else to `section`.
    One that is there already is skipped; one that cannot be a source is refused and holds up no other. The
    file is replaced in one step, and only when the result is a configuration without errors. Raises
    ConfigError, and ParseError for what is no OPML.
    """
    fallback = None if section is None else settings.get_section(section)
    ids = {source.id for source in settings.sources}
    owners = {url_key(source.url): source.id for source in settings.sources}
    new: list[NewSource] = []
    known, refused = [], []
    for outline in parse_opml(body):
        try:
            url = _check_url(outline)
        except ValueError as error:
            refused.append(f"{redact(outline.xml_url)}: {error}")
            continue
        home = find_home(settings, outline) or fallback
        if owner := owners.get(url_key(url)):
            known.append(f"{redact(url)}: is there already, as source {owner}")
        elif home is None:
            groups = " / ".join(outline.groups) or "no group"
            refused.append(f"{redact(url)}: {groups} is no one section of ours: say --section ID")
        else:
            source = _make_source(outline, url, home, ids)
            new.append(source)
            ids.add(source.id)
            owners[url_key(url)] = source.id
    change = _write(settings, new, environ=environ, dry_run=dry_run) if new else ""
    return ImportResult(
        added=tuple(source.id for source in new), known=tuple(known), refused=tuple(refused), change=change
    )


def _write(settings: Settings, new: list[NewSource], *, environ: Mapping[str, str], dry_run: bool) -> str:
    before = read_config(settings.path)
    after = append_sources(before, new)
    act = check_config if dry_run else save_config
    act(after, path=settings.path, environ=environ)
    return redact(render_change(before, after, path=settings.path))


def _check_url(outline: OpmlOutline) -> str:
    if f"={HIDDEN}" in outline.xml_url:
        raise ValueError("export has hidden a secret in it; write the source into the file by hand")
    return check_source_url(outline.xml_url)


def _make_source(outline: OpmlOutline, url: str, home: Section, taken: set[str]) -> NewSource:
    title = collapse_space(strip_controls(outline.title or ""))
    source_id = make_source_id(title, url, taken)
    return NewSource(id=source_id, name=title or source_id, url=url, section=home.ref)


def find_home(settings: Settings, outline: OpmlOutline) -> Section | None:
    """The section that an outline names; None where it names none of ours, or leaves open which edition's."""
    for category in outline.categories:
        for section in settings.site.sections:
            if category.strip("/").casefold() == section.ref:
                return section
    groups = [group.strip().casefold() for group in outline.groups]
    editions = {e.id for e in settings.site.editions if {e.id, e.locale.casefold()} & set(groups)}
    for group in reversed(groups):
        found = [s for s in settings.site.sections if group in (s.name.casefold(), s.id, s.ref)]
        found = [s for s in found if s.edition in editions] or found
        if found:
            return found[0] if len(found) == 1 else None
    return None
