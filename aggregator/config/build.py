"""From the parsed file to Settings: each table read, then what holds between tables."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aggregator import __version__
from aggregator.addresses import Network, find_literal, is_allowed
from aggregator.errors import ConfigError
from aggregator.model import FetchPolicy, Mailing, Rule, Section, Site, Source

from . import keys
from .problems import Bad, Place, Report, describe, render_choices, render_suggestion
from .references import Directory, build_rules, find_edition, find_section_ref
from .secret import STORE_VARIABLE, read_store_url
from .settings import OWN_HUB_PATH, Settings
from .tables import Context, Table, Values, read_table
from .values import OWN_HUB

CONNECT_TIMEOUT = timedelta(seconds=10)
MAX_REDIRECTS = 5
MANY = (keys.SECTION, keys.SOURCE)


def build_settings(raw: dict[str, object], path: Path, context: Context) -> Settings:
    """Raises ConfigError with every problem of the whole file."""
    report = context.report
    _check_tables(raw, report)
    raw, store_override = _take_store_override(raw, context)
    site, store, fetch, defaults, embed, admin, websub, digest = (
        read_table(table, _find_table(table, raw), (table.name,), context)
        for table in keys.TABLES
        if table not in MANY
    )
    _check_digest(digest, report)
    directory = _read_sections(raw, site, context)
    defaults["timeout"] = defaults["timeout"] or fetch["timeout"]
    sources = _read_sources(raw, defaults, directory, context)
    if not sources and not report.blames(("source",)):
        report.note(("source",), "there are no sources, so nothing is polled; add a [[source]]")
    if problems := report.list_problems():
        raise ConfigError(problems)
    _check_addresses(sources, fetch["allow_networks"], report)
    return Settings(
        path=path,
        site=_build_site(site, directory),
        keep=site["keep"],
        store_url=store_override or store["url"],
        fetch=_build_policy(fetch, site["url"], sources),
        host_gap=fetch["host_gap"],
        requests_per_hour=fetch["requests_per_hour"],
        sources=sources,
        embed_allow=embed["allow"],
        admin_password=admin["password"],
        admin_webhook=admin["webhook"],
        websub_hub=f"{site['url']}{OWN_HUB_PATH}" if websub["hub"] == OWN_HUB else websub["hub"],
        websub_callback=websub["callback"],
        mailing=Mailing(at=digest["at"], to=digest["to"], sender=digest["from"], server=digest["smtp"]),
        refused=report.list_refusals(),
        notes=tuple(map(str, report.list_notes())),
    )


def _check_digest(digest: Values, report: Report) -> None:
    """Whom there is something to be sent to, by whom and through which server must be known too."""
    for name, example in (("from", "news@example.org"), ("smtp", "env:AGGREGATOR_SMTP")):
        if digest["to"] and digest[name] is None and not report.blames(("digest", name)):
            report.problem(("digest", name), f'is missing, and to is not empty; add {name} = "{example}"')


def _check_tables(raw: Mapping[str, object], report: Report) -> None:
    known = {table.name: table for table in keys.TABLES}
    for name, value in raw.items():
        table = known.get(name)
        if table is None:
            report.problem((name,), f"is not known{_render_home(name, value)}")
        elif table in MANY and not isinstance(value, list):
            report.problem((name,), f"needs double brackets; write {table.header} over each of them")
        elif table not in MANY and not isinstance(value, dict):
            what = "double brackets" if isinstance(value, list) else describe(value)
            report.problem((name,), f"needs to be one table, found {what}; write {table.header}")


def _render_home(name: str, value: object) -> str:
    """Where an unknown word of the top level belongs: a table of similar name, or those with such a key."""
    tables = [table.name for table in keys.TABLES]
    homes = [table.header for table in keys.TABLES if name in {key.name for key in table.keys}]
    if homes and not isinstance(value, dict):
        return f"; write it under {' or '.join(homes)}"
    headers = [table.header for table in keys.TABLES]
    return render_suggestion(name, tables) or f"; the tables are {', '.join(headers)}"


def _find_table(table: Table, raw: Mapping[str, object]) -> dict[str, object]:
    value = raw.get(table.name, {})
    return value if isinstance(value, dict) else {}


def _list_tables(table: Table, raw: Mapping[str, object]) -> list[object]:
    value = raw.get(table.name, [])
    return value if isinstance(value, list) else []


def _take_store_override(raw: dict[str, object], context: Context) -> tuple[dict[str, object], str | None]:
    """The URL of the environment, and the file without its own, which may name a secret not set here."""
    written = context.environ.get(STORE_VARIABLE)
    if not written or not isinstance(raw.get("store", {}), dict):
        return raw, None
    store = {name: value for name, value in _find_table(keys.STORE, raw).items() if name != "url"}
    try:
        return {**raw, "store": store}, read_store_url(written, (), context)
    except Bad as bad:
        context.report.problem((STORE_VARIABLE,), f"in the environment {bad}")
        return {**raw, "store": store}, None


# --- sections -------------------------------------------------------------------------------------


def _read_sections(raw: Mapping[str, object], site: Values, context: Context) -> Directory:
    report = context.report
    taken: dict[tuple[str, str], Place] = {}
    sections, broken = [], set()
    for position, one in enumerate(_list_tables(keys.SECTION, raw)):
        place: Place = ("section", position)
        values = read_table(keys.SECTION, one, place, context)
        edition = _find_section_edition(values, site, place, report)
        if not report.blames(place) and edition is not None:
            for at, name in _list_ids(values, place):
                _claim(taken, (edition, name), at, f'"{name}"', report)
        if report.blames(place) or edition is None:
            written = one.get("id") if isinstance(one, dict) else None
            broken.add(str(written))
        else:
            sections.append(
                Section(
                    id=values["id"],
                    edition=edition,
                    name=values["name"] or values["id"],
                    old_ids=values["old_ids"],
                    weight=values["weight"],
                )
            )
    return Directory(editions=site["editions"], sections=tuple(sections), broken=frozenset(broken))


def _find_section_edition(values: Values, site: Values, place: Place, report: Report) -> str | None:
    editions = site["editions"]
    if values["edition"] is None:
        return str(editions[0].id)
    edition = find_edition(values["edition"], editions)
    if edition is None and not report.blames(("site", "editions")):
        known = [name for e in editions for name in dict.fromkeys((e.id, e.locale))]
        cure = render_suggestion(values["edition"], known)
        cure = cure or f"; write {render_choices(known)}, or add it to editions of [site]"
        report.problem((*place, "edition"), f'there is no edition "{values["edition"]}"{cure}')
    return edition.id if edition else None


def _list_ids(values: Values, place: Place) -> list[tuple[Place, str]]:
    old_ids = [((*place, "old_ids", position), name) for position, name in enumerate(values["old_ids"])]
    return [((*place, "id"), values["id"]), *old_ids]


def _claim(taken: dict[Any, Place], key: Hashable, place: Place, shown: str, report: Report) -> None:
    if key in taken:
        report.problem(place, f"{shown} stands on line {report.line(taken[key])} already; keep one of them")
    taken.setdefault(key, place)


# --- sources --------------------------------------------------------------------------------------


def _read_sources(
    raw: Mapping[str, object], defaults: Values, directory: Directory, context: Context
) -> tuple[Source, ...]:
    report = context.report
    ids: dict[str, Place] = {}
    urls: dict[str, Place] = {}
    sources = []
    for position, one in enumerate(_list_tables(keys.SOURCE, raw)):
        place: Place = ("source", position)
        values = read_table(keys.SOURCE, one, place, context, defaults)
        own = one if isinstance(one, dict) else {}
        if values["id"] is not None:
            _claim(ids, values["id"], (*place, "id"), f'"{values["id"]}"', report)
        if values["url"] is not None:
            _claim(urls, values["url"], (*place, "url"), "the same URL", report)
        section = _find_source_section(values, place, directory, report)
        _merge_defaults(values, own, defaults)
        prefer = section.partition("/")[0] if section else directory.editions[0].id
        rules = build_rules(values["rules"], directory, prefer, report)
        skip = build_rules(values["skip"], directory, prefer, report)
        if not report.blames(place) and section is not None:
            sources.append(_build_source(values, section, skip, rules))
    if not sources:
        build_rules(defaults["rules"], directory, directory.editions[0].id, report)
    return tuple(sources)


def _check_addresses(sources: Collection[Source], allowed: Collection[Network], report: Report) -> None:
    """Say beforehand which sources can never be polled; where a name leads shows only when connecting."""
    for position, source in enumerate(sources):
        host = urlsplit(source.url).hostname or ""
        address = find_literal(host)
        if address is not None and not is_allowed(str(address), allowed):
            shown = host if host == str(address) else f"{host} is {address}, which"
            report.refuse(
                ("source", position, "url"),
                f"{shown} is not a public address, so it is never connected to; if you mean it, add "
                f'"{address}" to allow_networks of [fetch]',
            )


def _find_source_section(values: Values, place: Place, directory: Directory, report: Report) -> str | None:
    if values["section"] is None:
        return None
    try:
        return find_section_ref(values["section"], directory, None)
    except Bad as bad:
        report.problem((*place, "section"), str(bad))
        return None


def _merge_defaults(values: Values, own: Mapping[str, object], defaults: Values) -> None:
    for name in ("skip", "rules"):
        if name in own:
            values[name] = (*values[name], *defaults[name])
    if "headers" in own:
        named = {name.lower() for name, _ in values["headers"]}
        inherited = [header for header in defaults["headers"] if header[0].lower() not in named]
        values["headers"] = (*inherited, *values["headers"])


def _build_source(values: Values, section: str, skip: tuple[Rule, ...], rules: tuple[Rule, ...]) -> Source:
    return Source(
        **{name: values[name] for name in ("id", "url", "every", "timeout", "content", "lang", "headers")},
        name=values["name"] or values["id"],
        section=section,
        skip=skip,
        rules=rules,
        max_entries=values["max_entries"],
        priority=values["priority"],
        guess_sections=values["guess_sections"],
    )


# --- what the other stages take -------------------------------------------------------------------


def _build_site(site: Values, directory: Directory) -> Site:
    return Site(
        title=site["title"],
        url=site["url"],
        timezone=site["timezone"],
        editions=site["editions"],
        sections=directory.sections,
        digits=site["digits"],
        images=site["images"] != "none",
        images_proxied=site["images"] == "proxy",
        source_in_title=site["source_in_title"],
        hijri=site["hijri"],
    )


def _build_policy(fetch: Values, site_url: str, sources: Collection[Source]) -> FetchPolicy:
    contact = f"; {fetch['contact']}" if fetch["contact"] else ""
    return FetchPolicy(
        user_agent=f"aggregator/{__version__} (+{site_url}{contact})",
        connect_timeout=min(CONNECT_TIMEOUT, fetch["timeout"]),
        max_body_bytes=fetch["max_body_bytes"],
        max_redirects=MAX_REDIRECTS,
        concurrency=fetch["concurrency"],
        per_host=fetch["per_host"],
        allow_networks=fetch["allow_networks"],
        ports=frozenset(pair for source in sources if (pair := _find_port(source.url)) is not None),
    )


def _find_port(url: str) -> tuple[str, int] | None:
    """Host and port, where the URL names one."""
    parts = urlsplit(url)
    return None if parts.hostname is None or parts.port is None else (parts.hostname, parts.port)
