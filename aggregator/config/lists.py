"""Lists in config.toml: editions, origins, and the rules and skips of sources."""

from __future__ import annotations

from aggregator.model import Edition

from .kinds import TEXT, build_table_shape, list_of, text
from .problems import Bad, Place, build_wrong_type
from .tables import Context, Key, Reader, Shape, Table, Values, build_text_reader, plain, read_tables
from .values import build_edition, read_origin, read_path_prefix, read_tag

Drafts = tuple[tuple[Place, Values], ...]  # rules as written: their sections are looked up per source


def build_list_reader(read_one: Reader, example: str) -> Reader:
    """A reader of lists that reports each wrong element at its own place and keeps the others."""

    def read_list(value: object, place: Place, context: Context) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise build_wrong_type("a list", value, example)
        found = []
        for position, one in enumerate(value):
            try:
                found.append(read_one(one, (*place, position), context))
            except Bad as bad:
                context.report.problem((*place, position), str(bad))
        return tuple(found)

    return read_list


def read_editions(value: object, place: Place, context: Context) -> tuple[Edition, ...]:
    """At least one edition, each of another language."""
    seen: dict[str, Edition] = {}

    def read_edition(one: object, _at: Place, _context: Context) -> Edition:
        edition = build_edition(read_tag(one))
        if edition.id in seen:
            raise Bad(
                f'"{seen[edition.id].locale}" and "{edition.locale}" are two editions of one language, '
                f"and both would be at /{edition.id}/; keep one of them"
            )
        seen[edition.id] = edition
        return edition

    build_list_reader(read_edition, '["ar", "en"]')(value, place, context)
    if not seen and not context.report.blames(place):
        raise Bad('is empty; name at least one language: ["ar", "en"]')
    return tuple(seen.values()) or (build_edition("en"),)


def read_embed_allow(value: object, place: Place, context: Context) -> object:
    if value == "*":
        return ("*",)
    return build_list_reader(plain(read_origin), '["https://partner.example"] or "*"')(value, place, context)


def build_rules_reader(table: Table) -> Reader:
    def read_rules(value: object, place: Place, context: Context) -> Drafts:
        rules = read_tables(table, value, place, context)
        for at, values in rules:
            absent = not any(values[name] for name in ("category", "title", "path"))
            if absent and not context.report.blames(at):
                context.report.problem(at, 'has no condition; add category = "…", title = "…" or path = "/…"')
        return rules

    return read_rules


def build_rules_shape(table: Table) -> Shape:
    conditions = [{"required": [key.name]} for key in CONDITIONS]
    return list_of(build_table_shape(table, anyOf=conditions))


CONDITIONS = (
    Key(
        name="category",
        **text('"Sport"'),
        says="One of the entry's categories is this, letter case and Arabic letter forms aside.",
    ),
    Key(
        name="title",
        **text('"World Cup"'),
        says="These words stand in the title, as whole words, letter case and Arabic letter forms aside.",
    ),
    Key(
        name="path",
        read=plain(read_path_prefix),
        expects="text that starts with `/`",
        shape={"type": "string", "pattern": "^/"},
        says="The path of the entry's URL starts with this.",
    ),
)

SKIP = Table(
    name="skip",
    header="an element of skip",
    says="Elements of `skip`: entries for which all conditions of one hold are dropped. At least one each.",
    keys=CONDITIONS,
)

RULE = Table(
    name="rules",
    header="a rule",
    says="Elements of `rules`: the first whose conditions all hold names the section. At least one each.",
    keys=(
        Key(
            name="section",
            read=build_text_reader('"sports"'),
            expects='section: `"sports"` or `"ar/sports"`',
            shape=TEXT,
            says="Where the entry goes. A bare id means the edition of the source's own section first.",
            example='section = "sports"',
        ),
        *CONDITIONS,
    ),
)
