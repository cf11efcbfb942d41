"""config.toml: what is read, what it defaults to, and every way it can be wrong, with line and cure."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import __version__
from aggregator.config import Settings, load_settings, parse_settings, render_duration, render_reference
from aggregator.config.keys import TABLES
from aggregator.config.positions import list_positions
from aggregator.config.values import UNITS, read_duration
from aggregator.errors import ConfigError
from aggregator.model import Edition, Rule

ROOT = Path(__file__).parents[1]
SECRET = "hunter2-of-the-admin"


def parse(text: str, environ: dict[str, str] | None = None) -> Settings:
    return parse_settings(text, path=Path("c.toml"), environ=environ or {})


def list_problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, environ)
    return [problem.removeprefix("c.toml:") for problem in caught.value.problems]


SPORTS = '[[section]]\nid = "sports"\n'
SOURCE = '[[source]]\nid = "a"\nurl = "https://a.example/f"\n'


def list_broken() -> dict[str, tuple[str, list[str]]]:
    """Sentence to file and expected problems; the form is told at the top of the file."""
    cases = {}
    for case in (ROOT / "tests/config_broken.txt").read_text().split("\n=== ")[1:]:
        sentence, *marked = case.rstrip("\n").split("\n")
        lines: list[str] = []
        expected = []
        for line in marked:
            if line.startswith("#! "):
                expected.append(f"{len(lines)}:{line.removeprefix('#! ')}")
            else:
                lines.append(line)
        cases[sentence] = ("\n".join(lines), expected)
    return cases


BROKEN = list_broken()


@pytest.mark.parametrize(("text", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_with_line_key_and_cure(text: str, expected: list[str]) -> None:
    assert expected
    assert list_problems(text) == expected


@pytest.mark.parametrize("text", [text for text, _ in BROKEN.values()], ids=BROKEN)
def test_every_problem_says_what_is_wrong_and_the_cure_apart(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    details = caught.value.details
    assert tuple(map(str, details)) == caught.value.problems
    assert all(problem.message and problem.cure for problem in details)


def test_a_semicolon_in_what_is_quoted_parts_nothing() -> None:
    with pytest.raises(ConfigError) as caught:
        parse('[site]\nimages = "a; b"')
    assert caught.value.details[0].message == '"a; b" is not known'


def test_what_nests_beyond_all_measure_is_no_toml() -> None:
    assert list_problems("a = " + "[" * 9_000) == [
        "1:1: syntax: this is no TOML that can be read; see https://toml.io, or make it simpler"
    ]


def test_fifteen_problems_come_at_once_in_the_order_of_the_file() -> None:
    text, expected = BROKEN["fifteen problems come at once, in the order of the file"]
    problems = list_problems(text)
    assert len(problems) == 15
    assert problems == expected


def test_an_empty_file_means_the_defaults_and_a_note_that_nothing_is_polled() -> None:
    settings = parse("")
    assert settings.site.title == "News"
    assert settings.site.url == "http://127.0.0.1:8000"
    assert settings.site.timezone is UTC
    assert settings.site.editions == (Edition(id="en", locale="en", dir="ltr"),)
    assert settings.site.images
    assert settings.site.digits is None
    assert settings.keep == timedelta(days=90)
    assert settings.store_url == f"sqlite:///{Path.cwd() / 'aggregator.db'}"
    assert settings.fetch.max_body_bytes == 10_000_000
    assert settings.fetch.connect_timeout == timedelta(seconds=10)
    assert (settings.fetch.concurrency, settings.fetch.per_host, settings.fetch.max_redirects) == (32, 1, 5)
    assert settings.fetch.user_agent == f"aggregator/{__version__} (+http://127.0.0.1:8000)"
    assert settings.host_gap == timedelta(seconds=1)
    assert settings.notes == (
        "c.toml:1:1: source: there are no sources, so nothing is polled; add a [[source]]",
    )


def test_site_and_fetch_are_read() -> None:
    settings = parse(
        '[site]\nurl = "https://News.example/x/"\ntimezone = "Africa/Tripoli"\n'
        'editions = ["AR-ly", "ckb", "en"]\n'
        'digits = "latn"\nimages = "none"\nkeep = "forever"\n'
        'source_in_title = "suffix"\n'
        '[fetch]\ncontact = "me@example.org"\ntimeout = "5s"\nmax_body_bytes = "2MiB"\n'
        'allow_networks = ["127.0.0.1", "::1", "10.0.0.0/8"]'
    )
    assert settings.site.url == "https://news.example/x"
    assert settings.site.timezone == ZoneInfo("Africa/Tripoli")
    assert [(e.id, e.locale, e.dir) for e in settings.site.editions] == [
        ("ar", "ar-LY", "rtl"),
        ("ckb", "ckb", "rtl"),
        ("en", "en", "ltr"),
    ]
    assert settings.site.digits == "latn"
    assert not settings.site.images
    assert settings.site.source_in_title == "suffix"
    assert settings.keep is None
    assert settings.fetch.user_agent == f"aggregator/{__version__} (+https://news.example/x; me@example.org)"
    assert settings.fetch.connect_timeout == timedelta(seconds=5)
    assert settings.fetch.max_body_bytes == 2 << 20
    assert settings.fetch.allow_networks == tuple(
        ip_network(n) for n in ("127.0.0.1/32", "::1/128", "10.0.0.0/8")
    )


def test_a_source_takes_the_defaults_adds_to_lists_and_overrides_the_rest() -> None:
    settings = parse(
        """
fetch.timeout = "9s"
site.editions = ["ar", "en"]
[defaults]
every = "6h"
content = "summary"
headers = { X-One = "1", X-Two = "2" }
skip = [{ path = "/video/" }]
rules = [{ section = "sports", category = "sport" }]
[[section]]
id = "sports"
[[section]]
id = "sports"
edition = "en"
name = "Sport"
old_ids = ["sport"]
[[source]]
id = "plain"
url = "https://a.example/رياضة?q=كرة"
section = "ar/sports"
[[source]]
id = "own"
name = "Own"
url = "http://b.example/"
section = "en/sports"
every = "90s"
timeout = "2s"
content = "title"
lang = "en"
max_entries = 5
headers = { x-two = "two" }
skip = [{ title = "advert" }]
rules = [{ section = "ar/sports", title = "Arab", path = "/x" }]
"""
    )
    plain, own = settings.get_source("plain"), settings.get_source("own")
    assert plain.name == "plain"
    assert plain.url == "https://a.example/%D8%B1%D9%8A%D8%A7%D8%B6%D8%A9?q=%D9%83%D8%B1%D8%A9"
    assert (plain.every, plain.timeout) == (timedelta(hours=6), timedelta(seconds=9))
    assert (plain.content, plain.lang, plain.max_entries) == ("summary", None, 1000)
    assert plain.headers == (("X-One", "1"), ("X-Two", "2"))
    assert plain.rules == (Rule(section="ar/sports", category="sport"),)
    assert (own.name, own.section, own.lang, own.max_entries) == ("Own", "en/sports", "en", 5)
    assert (own.every, own.timeout) == (timedelta(seconds=90), timedelta(seconds=2))
    assert own.headers == (("X-One", "1"), ("x-two", "two"))
    assert own.skip == (Rule(title="advert"), Rule(path="/video/"))
    assert own.rules == (
        Rule(section="ar/sports", title="Arab", path="/x"),
        Rule(section="en/sports", category="sport"),
    )
    assert settings.site.list_sections("en")[0].old_ids == ("sport",)


def test_sections_are_found_by_reference_and_by_bare_id_where_one_edition_has_it() -> None:
    settings = parse(
        '[site]\neditions = ["ar", "en-GB"]\n[[section]]\nid = "world"\n[[section]]\nid = "world"\n'
        'edition = "en-gb"\n[[section]]\nid = "arts"'
    )
    world, arts = settings.find_section("en/world"), settings.find_section("arts")
    assert world is not None
    assert world.ref == "en/world"
    assert arts is not None
    assert arts.ref == "ar/arts"
    assert settings.find_section("world") is None
    assert settings.find_section("en/arts") is None


def test_an_unknown_source_id_is_told_with_its_nearest_neighbour() -> None:
    settings = parse(SPORTS + SOURCE.replace('"a"', '"bbc-world"') + 'section = "sports"')
    with pytest.raises(ConfigError, match="there is no source \"bbc-wrld\"; did you mean 'bbc-world'"):
        settings.get_source("bbc-wrld")


def test_what_is_served_and_pushed_is_as_configured() -> None:
    settings = parse(
        SPORTS + SOURCE + 'section = "sports"\n[site]\nimages = "proxy"\n'
        '[fetch]\nrequests_per_hour = 500\n[embed]\nallow = "*"\n[admin]\npassword = "x"\n'
        '[websub]\nhub = "https://hub.example/"\ncallback = "https://me.example/"'
    )
    assert settings.site.images
    assert settings.site.images_proxied
    assert settings.embed_allow == ("*",)
    assert settings.requests_per_hour == 500
    assert settings.websub_hub == "https://hub.example/"
    assert settings.websub_callback == "https://me.example/websub/"
    assert settings.notes == ()


def test_secrets_come_from_the_environment_and_from_files_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text(f"Bearer {SECRET}\n")
    file = tmp_path / "my.toml"
    file.write_text(
        f'[admin]\npassword = "env:ADMIN"\n[store]\nurl = "env:STORE"\n{SPORTS}{SOURCE}section = "sports"\n'
        'headers = { Authorization = "file:token.txt" }'
    )
    environ = {"ADMIN": SECRET, "STORE": f"postgresql+psycopg://me:{SECRET}@host/db"}
    settings = load_settings(file, environ=environ)
    assert settings.admin_password == SECRET
    assert settings.store_url == environ["STORE"]
    assert settings.sources[0].headers == (("Authorization", f"Bearer {SECRET}"),)
    assert SECRET not in repr(settings)
    assert SECRET not in "".join(settings.notes)


@pytest.mark.parametrize("text", [text for text, _ in BROKEN.values() if SECRET in text])
def test_no_message_shows_a_secret_that_stands_in_the_file(text: str) -> None:
    assert SECRET not in "".join(list_problems(text))


@pytest.mark.parametrize(
    "toml",
    ['admin.password = "env:S"\nadmin.x = 1', 'store.url = "env:S"', 'defaults.headers = { A = "env:S" }'],
)
@pytest.mark.parametrize("secret", [SECRET, f"{SECRET}://x", f"\t{SECRET}\u202e"])
def test_no_message_shows_a_secret_of_the_environment(toml: str, secret: str) -> None:
    try:
        shown = parse(toml, {"S": secret}).notes
    except ConfigError as error:
        shown = error.problems
    assert SECRET not in "".join(shown)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sqlite:///news.db", "sqlite:///{folder}/news.db"),
        ("sqlite:///data/news.db?timeout=9", "sqlite:///{folder}/data/news.db?timeout=9"),
        ("sqlite:////srv/news.db", "sqlite:////srv/news.db"),
        ("postgresql+psycopg://me@host/news", "postgresql+psycopg://me@host/news"),
    ],
)
def test_the_store_is_beside_the_file_and_the_environment_overrides_it(
    written: str, expected: str, tmp_path: Path
) -> None:
    expected = expected.format(folder=tmp_path)
    path = tmp_path / "config.toml"
    own = parse_settings(f'[store]\nurl = "{written}"', path=path, environ={})
    assert own.store_url == expected
    over = parse_settings(
        '[store]\nurl = "env:NOT_SET"', path=path, environ={"AGGREGATOR_STORE_URL": written}
    )
    assert over.store_url == expected


def test_a_bad_store_in_the_environment_is_told_by_its_name() -> None:
    assert list_problems("", {"AGGREGATOR_STORE_URL": f"redis://{SECRET}"}) == [
        "1:1: AGGREGATOR_STORE_URL: in the environment is of no kind that is known; "
        'write "sqlite://…" or "postgresql+psycopg://…"'
    ]


def test_a_missing_file_a_folder_and_bad_bytes_are_told_with_a_cure(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b'[site]\ntitle = "caf\xe9"\n')
    for path, expected in (
        (
            tmp_path / "no.toml",
            "1:1: file: there is no such file; start from the config.toml that comes with",
        ),
        (tmp_path, "1:1: file: is a folder; start from"),
        (tmp_path / "a\0b", "1:1: file: cannot be read (bad file name)"),
        (bad, "2:13: file: is not UTF-8 here; save the file as UTF-8"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_settings(path, environ={})
        (problem,) = caught.value.problems
        assert problem.startswith(f"{path}:{expected}")


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes('\ufeff[site]\r\ntitle = "أخبار"\r\n'.encode())
    assert load_settings(file, environ={}).site.title == "أخبار"


def test_positions_are_known_inside_lists_inline_tables_and_dotted_keys() -> None:
    text = 'a = 1\n[x.y]\n# c\n"q é".r = { k = "v", l = [1,\n  # c\n  { m = 2 }] }\n'
    text += "[[s.t]]\n[[s.t]]\n  [s.t.u]\nf = 2"
    positions = list_positions(text)
    assert {
        ("a",): (1, 1),
        ("x", "y"): (2, 1),
        ("x", "y", "q é", "r", "k"): (4, 13),
        ("x", "y", "q é", "r", "l", 0): (4, 27),
        ("x", "y", "q é", "r", "l", 1, "m"): (6, 5),
        ("s", "t", 0): (7, 1),
        ("s", "t", 1): (8, 1),
        ("s", "t", 1, "u"): (9, 3),
        ("s", "t", 1, "u", "f"): (10, 1),
    }.items() <= positions.items()


def test_the_shipped_configuration_has_no_problem_and_feeds_every_section_twice() -> None:
    settings = load_settings(ROOT / "config.toml", environ={})
    assert settings.notes == ()
    assert [e.locale for e in settings.site.editions] == ["ar-LY", "en-GB"]
    assert [s.id for s in settings.site.list_sections("ar")] == [
        "libya", "world", "sports", "economy", "arts", "stars", "health",
    ]  # fmt: skip
    assert [s.id for s in settings.site.list_sections("en")] == ["world", "technology", "science"]
    for section in settings.site.sections:
        assert sum(source.section == section.ref for source in settings.sources) >= 2, section.ref


def test_the_reference_is_the_one_rendered_from_the_tables() -> None:
    assert (ROOT / "docs/config.md").read_text() == render_reference()


def test_the_keys_are_those_of_the_design() -> None:
    polling = "every timeout content lang headers skip rules guess_sections max_entries"
    assert {table.header: " ".join(key.name for key in table.keys) for table in TABLES} == {
        "[site]": "title url timezone editions digits hijri images source_in_title keep",
        "[store]": "url",
        "[fetch]": "contact timeout max_body_bytes concurrency per_host host_gap allow_networks "
        "requests_per_hour",
        "[defaults]": polling,
        "[[section]]": "id edition name old_ids weight",
        "[[source]]": f"id name url section priority {polling}",
        "[embed]": "allow",
        "[admin]": "password webhook",
        "[websub]": "hub callback",
        "[digest]": "at to from smtp",
    }


@given(st.integers(0, 999_999_999))
def test_durations_round_trip(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert read_duration(render_duration(duration)) == duration


@given(st.integers(1, 9_999), st.sampled_from(sorted(UNITS)))
def test_written_durations_mean_their_unit(amount: int, unit: str) -> None:
    duration = read_duration(f"{amount}{unit}")
    assert duration / timedelta(seconds=UNITS[unit]) == amount
    assert len(render_duration(duration)) <= len(f"{amount}{unit}")


def render_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {render_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(render_toml(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


NAMES = sorted({table.name for table in TABLES} | {key.name for table in TABLES for key in table.keys})
VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["ar", "en", "ar/a", "a", "1s", "10MB", "https://a.example/", "env:A", "file:", "/", "*"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)


def list_outcome(text: str) -> tuple[str, ...]:
    """Notes or problems: whatever else is raised is a bug."""
    try:
        return parse(text, {"A": "x"}).notes
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - either outcome is right, but not without words
        return error.problems


@given(st.text())
def test_junk_raises_nothing_but_config_error(text: str) -> None:
    assert all(line.startswith("c.toml:") for line in list_outcome(text))


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(), VALUES))
def test_junk_in_good_toml_raises_nothing_but_config_error(raw: dict[str, object]) -> None:
    text = "\n".join(f"{json.dumps(name)} = {render_toml(value)}" for name, value in raw.items())
    assert all(line.startswith("c.toml:") and line.isprintable() for line in list_outcome(text))
