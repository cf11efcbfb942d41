"""config.schema.json: what editors are told is what the reader says, of every key."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from aggregator.config import parse_settings, render_schema
from aggregator.config.keys import TABLES
from aggregator.config.lists import RULE, SKIP
from aggregator.config.tables import Key, Table
from aggregator.demo.newsroom import demo_config
from aggregator.errors import ConfigError
from tests.site_samples import HEAD, source_table
from tests.test_config import BROKEN

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads(render_schema())
VALIDATOR = Draft202012Validator(SCHEMA)
KEYS = [pytest.param(table, key, id=f"{table.name}.{key.name}") for table in TABLES for key in table.keys]


def list_objections(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))]


def find_shape(table: Table, key: Key) -> dict[str, Any]:
    shape = SCHEMA["properties"][table.name]
    properties: dict[str, Any] = shape.get("items", shape)["properties"]
    return properties[key.name]  # type: ignore[no-any-return]


def test_the_file_is_the_one_rendered_from_the_tables() -> None:
    words = "run make reference"
    assert (ROOT / "config.schema.json").read_text(encoding="utf-8") == render_schema(), words


def test_it_is_json_schema_of_this_draft_and_of_the_older_that_editors_know() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMA)
    Draft7Validator.check_schema(SCHEMA)
    newer = ("$defs", "$ref", "prefixItems", "unevaluated", "dependentRequired", "minContains", "const")
    assert [word for word in newer if f'"{word}' in render_schema()] == []


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_key_is_described_in_plain_sentences_with_its_default(table: Table, key: Key) -> None:
    shape = find_shape(table, key)
    assert re.fullmatch(r"\w.*\w.*\.", key.says), "a sentence"
    assert key.expects
    assert shape["description"].startswith(key.says.replace("`", ""))
    assert "`" not in shape["description"]
    assert shape["description"].endswith(".")
    assert ("default" in shape) == (key.default is not None)
    required = SCHEMA["properties"][table.name].get("items", SCHEMA["properties"][table.name])["required"]
    assert (key.name in required) == (key.example is not None)


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_a_default_is_one_of_the_values_described(table: Table, key: Key) -> None:
    shape = find_shape(table, key)
    if "default" in shape:
        Draft202012Validator(shape).validate(shape["default"])


def test_the_elements_of_rules_and_skips_are_described_too() -> None:
    for name, table in (("rules", RULE), ("skip", SKIP)):
        items = SCHEMA["properties"]["source"]["items"]["properties"][name]["items"]
        assert set(items["properties"]) == {key.name for key in table.keys}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param((ROOT / "config.toml").read_text(encoding="utf-8"), id="the shipped one"),
        pytest.param(
            demo_config("http://127.0.0.1:1", site_url="http://127.0.0.1", store_path="x"), id="the demo's"
        ),
        pytest.param(HEAD + source_table("a", "https://a.example/"), id="that of the tests"),
        pytest.param(
            "\n".join(re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)), id="README"
        ),
    ],
)
def test_the_configurations_of_the_project_are_valid(text: str) -> None:
    assert list_objections(text) == []


def test_the_shipped_configuration_names_the_schema_in_its_first_line() -> None:
    first, *_ = (ROOT / "config.toml").read_text(encoding="utf-8").splitlines()
    assert first.startswith("#:schema ./")
    assert (ROOT / first.removeprefix("#:schema ")).resolve() == ROOT / "config.schema.json"


SEEN = """an unknown key comes with its nearest neighbour
an unknown table comes with its nearest neighbour
a key outside all tables is told where it belongs
single brackets where there are many
double brackets where there is one
a text where a table is needed
missing keys point to the header of their table
a wrong type is named
a duration without a unit
a duration in a unit that is none
a keep that is neither duration nor forever
a size without a unit
a size in small letters
numbers out of range or no numbers
an unknown choice comes with its nearest neighbour
no edition at all
a section named by a word of our URLs
an id that is no slug comes with one
rules on lines of their own""".splitlines()


@pytest.mark.parametrize("sentence", SEEN)
def test_an_editor_sees_what_is_wrong_by_itself(sentence: str) -> None:
    text, _ = BROKEN[sentence]
    assert list_objections(text)


def list_values(shape: Any) -> st.SearchStrategy[Any]:
    """Values near those that a shape describes: most fit, some do not."""
    texts = st.sampled_from(shape.get("enum", [])) if shape.get("enum") else st.nothing()
    if "pattern" in shape:
        texts |= st.from_regex(shape["pattern"], fullmatch=True)
    numbers = st.integers(shape.get("minimum", 0) - 1, shape.get("maximum", 1) + 1)
    lists = st.lists(st.sampled_from(["en", "ar", "a", "10.0.0.0/8", "https://a.example"]), max_size=2)
    return texts | numbers | st.booleans() | lists | st.sampled_from(["a", "en", "1s", "https://a.example/x"])


def list_documents() -> Iterator[st.SearchStrategy[dict[str, Any]]]:
    for table in TABLES:
        if table.name not in ("section", "source"):
            for key in table.keys:
                values = list_values(find_shape(table, key))
                yield values.map(lambda v, t=table.name, k=key.name: {t: {k: v}})  # type: ignore[misc]


@given(st.one_of(*list_documents()))
def test_what_the_reader_takes_no_editor_marks_as_wrong(document: dict[str, Any]) -> None:
    ((table, values),) = document.items()
    ((key, value),) = values.items()
    try:
        parse_settings(f"{table}.{key} = {json.dumps(value)}", path=Path("c.toml"), environ={})
    except ConfigError:
        return
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
