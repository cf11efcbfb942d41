"""JSON Schema of config.toml, for editors, written from the same tables the file is read by."""

from __future__ import annotations

import json

from .keys import TABLES
from .kinds import build_table_shape, plain_words
from .tables import Shape, Table


def render_schema() -> str:
    """`config.schema.json`, to the letter: JSON Schema 2020-12."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of the aggregator",
        "description": "aggregator check says more: what stands in one place and contradicts another.",
        "type": "object",
        "additionalProperties": False,
        "properties": {table.name: _build_shape(table) for table in TABLES},
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _build_shape(table: Table) -> Shape:
    shape = build_table_shape(table)
    if not table.header.startswith("[["):
        return shape
    return {"type": "array", "description": plain_words(table.says), "items": shape}
