"""The commands: what they print, where, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from aggregator import __version__
from aggregator.cli import cli
from aggregator.demo.publisher import Publisher
from tests.harness import COMMAND, Site, make_item, publish
from tests.site_samples import HEAD, Portal, make_settings, open_portal, source_table

COMMANDS = ["serve", "poll", "check", "status", "entries", "explain", "split", "merge", "import", "export"]
COMMANDS += [
    "schema",
    "add",
    "preview",
    "replay",
    "publish",
    "digest",
    "prune",
    "backup",
    "restore",
    "migrate",
    "demo",
]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with open_portal(tmp_path_factory.mktemp("portal")) as opened:
        yield opened


def run(*arguments: str | Path, **options: object) -> Result:
    """A command in this process; a bug in it is raised."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], **options)  # type: ignore[arg-type]
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def start(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]


# --- usage -----------------------------------------------------------------------------------------


def test_the_commands_of_the_design_are_there_and_explain_themselves() -> None:
    overview = run("--help")
    assert overview.exit_code == 0
    for name in COMMANDS:
        assert f"  {name} " in overview.output
        result = run(name, "--help")
        assert result.exit_code == 0
        assert f"aggregator {name}" in result.output or f"cli {name}" in result.output
        assert ("--config" in result.output) == (name not in ("demo", "schema"))


def test_the_version() -> None:
    assert run("--version").output == f"aggregator, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["check", "--frobnicate"],
        ["check", "surplus"],
        ["serve", "--port", "0"],
        ["serve", "--port", "65536"],
        ["serve", "--port", "http"],
        ["demo", "--config", "config.toml"],
        ["import"],
        ["import", "there-is-no-such-file.opml"],
        ["explain"],
        ["split"],
        ["merge", "one"],
        ["merge", "one", "two", "three"],
        ["publish"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2_and_says_how_it_is_right(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr
    assert result.stdout == ""


# --- the configuration -----------------------------------------------------------------------------


def test_check_counts_what_is_there(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    result = run("check", "--config", settings.path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{settings.path}: 1 sources in 3 sections, no errors\n"


def test_check_notes_what_has_no_effect_without_calling_it_an_error(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    result = run("check", "--config", settings.path)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"note: {settings.path}:")


@pytest.mark.parametrize(
    "command", ["check", "poll", "status", "entries", "export", "prune", "migrate", "serve"]
)
def test_a_configuration_that_is_missing_is_said_by_every_command(tmp_path: Path, command: str) -> None:
    path = tmp_path / "none.toml"
    result = run(command, "--config", path)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"{path}:1:1: file: there is no such file")
    assert list(tmp_path.iterdir()) == []


def test_all_errors_are_listed_at_once_by_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[site]\ntitel = "x"\n[[section]]\nid = "Sports!"\n[[source]]\nid = "a"\n', encoding="utf-8"
    )
    result = run("check", "--config", path)
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith(f"{path}:") for line in lines)
    numbers = [int(line.removeprefix(f"{path}:").partition(":")[0]) for line in lines]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("form", ["html", "text", "eml"])
def test_digest_writes_a_day_to_standard_output_and_the_same_again(portal: Portal, form: str) -> None:
    arguments = ("digest", "--config", portal.settings.path, "--edition", "en", "--date", "2026-11-20")
    first, again = (run(*arguments, "--format", form) for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout_bytes == again.stdout_bytes
    assert b"Bridge number" in first.stdout_bytes
    beginnings = {"html": b"<!doctype html>", "text": "\u200eبوابة الأنباء".encode(), "eml": b"From: "}
    assert first.stdout_bytes.lstrip().startswith(beginnings[form])


def test_a_digest_that_there_is_not_is_said(portal: Portal) -> None:
    empty = run("digest", "--config", portal.settings.path, "--edition", "en", "--date", "2026-11-22")
    assert (empty.exit_code, empty.stdout) == (1, "")
    assert empty.stderr.endswith(
        "nothing was published in en on 2026-11-22: there is no digest of that day\n"
    )
    assert run("digest", "--config", portal.settings.path, "--edition", "fr").exit_code == 1
    assert run("digest", "--config", portal.settings.path, "--edition", "en", "--date", "x").exit_code == 2


def test_publish_writes_the_site_and_says_what_it_did(portal: Portal, tmp_path: Path) -> None:
    arguments = ["publish", tmp_path / "www", "--config", portal.settings.path]
    first = start(*arguments)
    assert (first.returncode, first.stderr) == (0, ""), "no progress bar in a pipe"
    count = first.stdout.partition(" ")[0]
    assert first.stdout == f"{count} addresses in {tmp_path}/www: {count} written, 0 unchanged, 0 removed\n"
    assert (tmp_path / "www/feeds/ar/sports.rss.gz").is_file()
    again = run(*arguments)
    assert again.stdout == f"{count} addresses in {tmp_path}/www: 0 written, {count} unchanged, 0 removed\n"


def test_publish_leaves_a_folder_of_others_alone(portal: Portal, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    result = run("publish", tmp_path, "--config", portal.settings.path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"aggregator: {tmp_path} has files that publish has not written: mine.txt; "
        "move them away, or name another folder\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_default_is_config_toml_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    monkeypatch.chdir(tmp_path)
    assert run("check").stdout == "config.toml: 1 sources in 3 sections, no errors\n"


# --- listings --------------------------------------------------------------------------------------


def test_status_in_words_and_as_json(portal: Portal) -> None:
    words = run("status", "--config", portal.settings.path)
    assert words.exit_code == 0
    assert "madar: ok, 65 entries" in words.stdout
    assert words.stdout.splitlines()[-2:] == [
        "entries in the article of another: 1 (1 same-url)",
        "4 sources, 0 failing, 71 entries",
    ]
    rows = json.loads(run("status", "--json", "--config", portal.settings.path).stdout)
    assert [row["id"] for row in rows] == ["madar", "sahel", "herald", "wire"]
    assert rows[0]["last_success_at"] == "2026-11-24T12:00:00Z"
    assert [row["merged"] for row in rows] == [{}, {}, {}, {"same-url": 1}]


def test_entries_in_words_and_as_json_lines(portal: Portal) -> None:
    words = run("entries", "--section", "world", "--config", portal.settings.path)
    assert len(words.stdout.splitlines()) == 4
    assert "Bridge number 202 opens  https://press.example/item-202" in words.stdout
    lines = run(
        "entries", "--source", "madar", "--json", "--config", portal.settings.path
    ).stdout.splitlines()
    assert len(lines) == 65
    assert "مباراة" in lines[0], "letters are not escaped"
    assert {json.loads(line)["source"] for line in lines} == {"madar"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["entries", "--section", "none"], "none"),
        (["entries", "--source", "heralt"], "herald"),
        (["poll", "--source", "heralt"], "herald"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_configured_is_1_and_names_what_is(
    portal: Portal, arguments: list[str], words: str
) -> None:
    result = run(*arguments, "--config", portal.settings.path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


# --- reasons and rulings ---------------------------------------------------------------------------


def test_explain_split_and_merge_say_what_they_found_and_did(tmp_path: Path) -> None:
    with open_portal(tmp_path) as portal:
        config = ("--config", portal.settings.path)
        lines = run("entries", "--section", "world", "--json", *config).stdout.splitlines()
        rows = [json.loads(line) for line in lines]
        copy = next(row for row in rows if row["source"] == "wire")

        words = run("explain", copy["id"], *config)
        assert words.exit_code == 0
        assert "another source carries the same address [same-url]" in words.stdout
        found = json.loads(run("explain", copy["id"], "--json", *config).stdout)
        assert list(found) == ["entry", "section", "article", "story"]
        assert found["article"]["decided_by"]["source"] == "herald"

        split = run("split", copy["id"], *config)
        assert (split.exit_code, split.stderr) == (0, "")
        assert f"entry {copy['id']} left article {copy['article']}" in split.stdout
        merge = run("merge", copy["id"], copy["article"], *config)
        assert f"article {copy['id']} went into {copy['article']}" in merge.stdout
        refused = run("split", copy["article"], *config)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr.startswith(f"aggregator: entry {copy['article']} founded its article")
        assert run("merge", "--story", copy["article"], rows[0]["id"], *config).exit_code == 0
        assert run("split", "--story", copy["id"], *config).exit_code == 0


@pytest.mark.parametrize(
    "command", [["explain"], ["split"], ["split", "--story"], ["merge", "aaaaaaaaaaaaa"]], ids=" ".join
)
def test_an_entry_that_is_not_stored_is_1_and_said(portal: Portal, command: list[str]) -> None:
    result = run(*command, "aaaaaaaaaaaaa", "--config", portal.settings.path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        'aggregator: no entry "aaaaaaaaaaaaa" is stored: '
        "aggregator entries --json lists them, each with its id\n"
    )


# --- OPML ------------------------------------------------------------------------------------------


def test_export_writes_opml_and_nothing_else(portal: Portal) -> None:
    result = run("export", "--config", portal.settings.path)
    root = etree.fromstring(result.stdout_bytes)
    assert len(root.xpath("//outline[@xmlUrl]")) == 4
    assert result.stderr == ""


def test_import_says_what_became_of_each_feed(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    opml = tmp_path / "in.opml"
    feeds = {"https://a.example/feed": "A", "https://b.example/feed": "B"}
    outlines = "".join(f'<outline text="{name}" xmlUrl="{url}"/>' for url, name in feeds.items())
    opml.write_text(f'<opml version="2.0"><body>{outlines}</body></opml>', encoding="utf-8")

    refused = run("import", opml, "--config", settings.path)
    assert refused.exit_code == 1
    assert refused.stdout == "0 added, 1 were there already, 1 refused\n"
    assert "https://b.example/feed" in refused.stderr
    assert "--section" in refused.stderr

    added = run("import", opml, "--section", "world", "--config", settings.path)
    assert added.exit_code == 0
    assert added.stdout == "added b\n1 added, 1 were there already, 0 refused\n"


def test_import_of_what_is_no_opml_is_1(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    opml = tmp_path / "in.opml"
    opml.write_text("<!doctype html><title>Home</title>", encoding="utf-8")
    result = run("import", opml, "--config", settings.path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "web page" in result.stderr


# --- care of the store -----------------------------------------------------------------------------


def test_migrate_and_prune_say_what_they_did(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    first, second = (run("migrate", "--config", settings.path) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.startswith("schema none -> ")
    assert second.stdout.endswith(": nothing to do\n")
    assert run("prune", "--config", settings.path).stdout == "0 articles pruned\n"


def test_prune_says_that_all_is_kept(tmp_path: Path) -> None:
    head = HEAD.replace("[fetch]", 'keep = "forever"\n[fetch]')
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"), head=head)
    result = run("prune", "--config", settings.path)
    assert result.exit_code == 0
    assert "forever" in result.stdout


# --- as a process ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"), [(["check"], 0), (["check", "--config", "none.toml"], 1), (["check", "--none"], 2)]
)
def test_the_exit_code_reaches_the_shell(tmp_path: Path, arguments: list[str], code: int) -> None:
    make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    done = start(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert bool(done.stderr) == (code != 0)
    assert "Traceback" not in done.stderr


def test_the_installed_command_is_the_same() -> None:
    installed = Path(sys.executable).with_name("aggregator")
    if not installed.exists():
        pytest.skip("the package is not installed beside this interpreter")
    done = subprocess.run([installed, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == start("--version").stdout


def test_a_poll_prints_json_to_one_pipe_and_errors_to_the_other(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, "/a", [make_item(1)])
    settings = make_settings(tmp_path, *(source_table(s, f"{publisher.url}/{s}") for s in ("a", "gone")))
    done = start("poll", "--all", "--json", "--config", settings.path)
    assert done.returncode == 0
    assert list(json.loads(done.stdout)) == "sources polled new updated not_modified failed seconds".split()
    (line,) = done.stderr.splitlines()
    assert line.startswith("gone: ")
    assert "404" in line

    done = start("poll", "--source", "a", "--config", settings.path)
    assert (done.returncode, done.stderr) == (0, ""), "no progress bar in a pipe"
    assert done.stdout.startswith("1 of 1 sources polled in ")
    assert "0 new, 0 updated, 1 sources not modified, 0 failed" in done.stdout


def test_a_reader_that_goes_away_early_is_no_bug(portal: Portal) -> None:
    """`aggregator entries | head -1`"""
    command = [*COMMAND, "entries", "--json", "--config", str(portal.settings.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("command", "url"),
    [
        pytest.param(["serve", "--no-poll"], "sqlite:///garbage.db", id="serve: another file"),
        pytest.param(["poll", "--all"], "sqlite:///none/x.db", id="poll: no folder for it"),
        pytest.param(["status"], "postgresql+psycopg://user@db.example/news", id="status: of another kind"),
    ],
)
def test_a_store_that_cannot_be_used_is_1_and_one_line(tmp_path: Path, command: list[str], url: str) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    (tmp_path / "garbage.db").write_bytes(os.urandom(9000))
    environment = os.environ | {"AGGREGATOR_STORE_URL": url}
    done = start(*command, "--config", settings.path, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("aggregator: ")


@pytest.mark.parametrize(
    ("host", "words"),
    [
        pytest.param("203.0.113.7", "203.0.113.7", id="an address of another machine"),
        pytest.param("no-such-host.invalid", "no-such-host.invalid", id="a name that is none"),
    ],
)
def test_a_place_where_nobody_can_listen_is_1_and_one_line(site: Site, host: str, words: str) -> None:
    make_settings(site.folder, source_table("a", "https://a.example/feed"))
    done = site.run("serve", "--host", host, "--port", str(site.port), check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert words in line


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_store_that_was_never_polled_is_served_as_empty(site: Site, host: str) -> None:
    """The first thing an admin may try, and what a machine that only serves starts with."""
    make_settings(site.folder, source_table("a", "https://a.example/feed"))
    with site.serving("--no-poll", "--host", host):
        assert site.get("/en/").status == 200
        assert site.get("/feeds/en/world.rss").status == 200
        assert site.get("/feeds.opml").status == 200
        assert f"http://localhost:{site.port}/" in site.log, "the banner says where the site is"
