"""Looking up sections by the names that sources and rules give them."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.model import Edition, Rule, Section

from .lists import Drafts
from .problems import Bad, Place, Report, render_choices, render_suggestion
from .tables import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The sections there are. `broken`: ids that stand in the file, but in a section with a problem."""

    editions: tuple[Edition, ...]
    sections: tuple[Section, ...]
    broken: frozenset[str]


def find_edition(name: str, editions: tuple[Edition, ...]) -> Edition | None:
    """By id or tag, in any case: `ar`, `ar-LY`."""
    folded = name.casefold()
    return next((e for e in editions if folded in (e.id.casefold(), e.locale.casefold())), None)


def find_section_ref(name: str, directory: Directory, prefer: str | None) -> str | None:
    """The reference of a section named `sports` or `ar/sports`; a bare id means edition `prefer` first.

    None where the name leads to a section whose own problem is reported already. Raises Bad.
    """
    edition_name, slash, section_id = name.rpartition("/")
    if section_id in directory.broken:
        return None
    found = [section for section in directory.sections if section.id == section_id]
    if slash:
        edition = find_edition(edition_name, directory.editions)
        found = [section for section in found if edition and section.edition == edition.id]
    elif any(section.edition == prefer for section in found):
        found = [section for section in found if section.edition == prefer]
    if not found:
        raise Bad(f'there is no section "{name}"{_render_cure(name, slash, directory)}')
    if len(found) > 1:
        choices = render_choices(section.ref for section in found)
        raise Bad(f'"{name}" is a section of several editions; write {choices}')
    return found[0].ref


def _render_cure(name: str, slash: str, directory: Directory) -> str:
    if not directory.sections:
        return "; there are no sections yet: add a [[section]]"
    known = [section.ref if slash else section.id for section in directory.sections]
    near = render_suggestion(name, known)
    return near or f"; write {render_choices(dict.fromkeys(known))}, or add a [[section]]"


def build_rules(drafts: Drafts, directory: Directory, prefer: str | None, report: Report) -> tuple[Rule, ...]:
    """Rules and skips with their sections looked up; those that name none that exists are reported."""
    return tuple(_build_rule(values, at, directory, prefer, report) for at, values in drafts)


def _build_rule(values: Values, at: Place, directory: Directory, prefer: str | None, report: Report) -> Rule:
    section = values.get("section")
    if section is not None:
        try:
            section = find_section_ref(section, directory, prefer)
        except Bad as bad:
            report.problem((*at, "section"), str(bad))
    return Rule(section=section, category=values["category"], title=values["title"], path=values["path"])
