"""The commands around config.toml: what they print and where, their exit codes, and no secrets."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.config import load_settings, render_reference, render_schema
from aggregator.demo.publisher import Publisher
from tests.harness import COMMAND, make_item, publish
from tests.site_samples import HEAD, Portal, make_settings, open_portal, source_table
from tests.test_cli import run
from tests.test_config import BROKEN

SECRET = "s3cret-of-the-admin"


@pytest.fixture(scope="module")
def press() -> Iterator[Publisher]:
    page = b'<!doctype html><link rel="alternate" type="application/rss+xml" href="/feed">'
    page += b'<link rel="alternate" type="application/rss+xml" href="/feed/comments">'
    with Publisher() as opened:
        publish(opened, "/feed", [make_item(n) for n in range(7)])
        opened.publish("/page", page, content_type="text/html")
        yield opened


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with open_portal(tmp_path_factory.mktemp("portal")) as opened:
        yield opened


# --- check -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [text for text, _ in BROKEN.values()], ids=BROKEN)
def test_every_problem_is_told_in_parts_as_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    words, found = run("check", "--config", path), run("check", "--json", "--config", path)
    assert (words.exit_code, found.exit_code) == (1, 1)
    rows = json.loads(found.stdout)
    assert {tuple(row) for row in rows} == {("file", "line", "column", "key", "message", "cure")}
    assert words.stderr.splitlines() == [
        "{file}:{line}:{column}: {key}: {message}; {cure}".format(**row) for row in rows
    ]
    assert (words.stdout, found.stderr) == ("", "")
    assert "hunter2" not in words.stderr + found.stdout


def test_no_problem_is_an_empty_list(portal: Portal) -> None:
    result = run("check", "--json", "--config", portal.settings.path)
    assert (result.exit_code, result.stdout) == (0, "[]\n")


def test_a_missing_file_and_an_address_that_is_refused_are_problems_too(tmp_path: Path) -> None:
    none = run("check", "--json", "--config", tmp_path / "none.toml")
    assert [row["key"] for row in json.loads(none.stdout)] == ["file"]
    settings = make_settings(tmp_path, source_table("a", "http://10.0.0.1/feed"))
    refused = run("check", "--json", "--config", settings.path)
    assert refused.exit_code == 1
    (row,) = json.loads(refused.stdout)
    assert (row["key"], row["column"]) == ("source.url", 1)
    assert "allow_networks" in row["cure"]


def test_check_online_says_what_each_source_is_and_fails_when_one_does(
    press: Publisher, tmp_path: Path
) -> None:
    tables = [source_table(name, f"{press.url}/{name}") for name in ("feed", "page", "none")]
    settings = make_settings(tmp_path, *tables)
    result = run("check", "--online", "--config", settings.path)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        'feed: RSS 2.0 "Press", 7 items, newest 2026-11-20 08:06 UTC, en',
        "3 sources asked, 2 cannot be polled",
    ]
    page, none = result.stderr.splitlines()
    assert f'url = "{press.url}/feed"' in page
    assert "answered 404" in none

    good = make_settings(tmp_path, tables[0])
    result = run("check", "--online", "--json", "--config", good.path)
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert list(row) == (
        "id url error format title language items newest_at redirects moved_to hints problems".split()
    )
    assert (row["id"], row["error"], row["items"]) == ("feed", None, 7)
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


# --- schema ----------------------------------------------------------------------------------------


def test_the_schema_and_the_reference_are_written_without_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    schema, reference = run("schema"), run("schema", "--markdown")
    assert (schema.stdout, schema.stderr, schema.exit_code) == (render_schema(), "", 0)
    assert (reference.stdout, reference.exit_code) == (render_reference(), 0)


# --- add and preview -------------------------------------------------------------------------------


def test_add_takes_suggestions_and_flags(press: Publisher, tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    before = settings.path.read_text(encoding="utf-8")
    result = run("add", f"{press.url}/page", "--yes", "--section", "world", "--config", settings.path)
    assert result.exit_code == 0, result.stderr
    assert "names the feed" in result.stderr
    assert f"and {press.url}/feed/comments" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f'{press.url}/feed: RSS 2.0 "Press", 7 items')
    assert [line.split("  ")[-1] for line in lines[1:6]] == [
        f"Bridge number {n} opens" for n in (6, 5, 4, 3, 2)
    ]
    assert lines[6:] == ["added press to en/world: aggregator poll --source press"]
    text = settings.path.read_text(encoding="utf-8")
    added = f'\n[[source]]\nid = "press"\nname = "Press"\nurl = "{press.url}/feed"\nsection = "en/world"\n'
    assert text == before + added

    again = run("add", f"{press.url}/feed", "--yes", "--section", "world", "--config", settings.path)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "source press has that URL already" in again.stderr
    flags = ["--id", "mine", "--name", "My own", "--section", "ar/sports"]
    other = run("add", f"{press.url}/feed?x", "--yes", *flags, "--config", settings.path)
    assert other.exit_code == 0
    source = load_settings(settings.path, environ={}).get_source("mine")
    assert (source.name, source.section) == ("My own", "ar/sports")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add"], "URL"),
        (["add", "https://a.example/"], "--yes"),
        (["add", "https://a.example/", "--yes"], "--section ID"),
        (["preview"], "URL-OR-ID"),
        (["schema", "--config", "x"], "--config"),
        (["replay", "surplus"], "surplus"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_2(portal: Portal, arguments: list[str], words: str) -> None:
    config = [] if "--config" in arguments else ["--config", portal.settings.path]
    result = run(*arguments, *config)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def talk(answers: str, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal of its own, where everything is typed at once."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen([*COMMAND, *arguments], stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    os.write(controller, answers.encode())
    shown = b""
    try:
        while chunk := os.read(controller, 4096):
            shown += chunk
    except OSError:  # Linux's way to say that nobody has the other end any more
        pass
    finally:
        os.close(controller)
    return process.wait(timeout=60), shown.decode()


def test_add_asks_on_a_terminal(press: Publisher, tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    arguments = ("add", f"{press.url}/page", "--config", str(settings.path))
    code, shown = talk("1\nmine\n\nnone\nen/world\ny\n", *arguments)
    assert code == 0, shown
    assert f"2  {press.url}/feed/comments" in shown
    assert "id [press]" in shown
    source = load_settings(settings.path, environ={}).get_source("mine")
    assert (source.name, source.section, source.url) == ("Press", "en/world", f"{press.url}/feed")

    text = settings.path.read_bytes()
    code, shown = talk("\n\nar/sports\nn\n", "add", f"{press.url}/feed?y", "--config", str(settings.path))
    assert (code, settings.path.read_bytes()) == (0, text), shown
    assert "nothing was written" in shown


def test_preview_in_words_and_as_json(press: Publisher, tmp_path: Path) -> None:
    settings = make_settings(
        tmp_path, source_table("a", f"{press.url}/feed", skip='[{ title = "number 1" }]')
    )
    words = run("preview", "a", "--config", settings.path)
    assert (words.exit_code, words.stderr) == (0, "")
    assert words.stdout.splitlines()[-1] == "6 new, 1 dropped"
    assert '    the skip rule title "number 1"' in words.stdout.splitlines()
    assert "    en/world: the section of source a" in words.stdout.splitlines()
    found = json.loads(run("preview", f"{press.url}/feed", "--json", "--config", settings.path).stdout)
    assert list(found) == ["configured", "source", "items"]
    assert len(found["items"]) == 7
    other = run("preview", "b", "--config", settings.path)
    assert (other.exit_code, other.stdout) == (1, "")
    assert 'there is no source "b"' in other.stderr


# --- import and replay -----------------------------------------------------------------------------


def test_a_dry_import_shows_a_diff_and_says_what_would_be(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    before = settings.path.read_bytes()
    opml = tmp_path / "in.opml"
    feeds = {"https://a.example/feed": "A", "https://b.example/feed": "B"}
    outlines = "".join(f'<outline text="{name}" xmlUrl="{url}"/>' for url, name in feeds.items())
    opml.write_text(f'<opml version="2.0"><body>{outlines}</body></opml>', encoding="utf-8")
    result = run("import", opml, "--section", "world", "--dry-run", "--config", settings.path)
    assert result.exit_code == 0
    assert '+url = "https://b.example/feed"' in result.stdout.splitlines()
    assert result.stdout.splitlines()[-1] == "1 would be added, 1 were there already, 0 refused"
    assert result.stderr == "https://a.example/feed: is there already, as source a\n"
    assert settings.path.read_bytes() == before


def test_replay_writes_the_diff_to_one_pipe_and_the_rest_to_the_other(portal: Portal) -> None:
    same = run("replay", "--config", portal.settings.path)
    assert (same.exit_code, same.stdout) == (0, "")
    assert same.stderr == "5 feeds, of which 0 would differ\n"
    path = portal.settings.path.with_name("new.toml")
    text = portal.settings.path.read_text(encoding="utf-8")
    path.write_text(text.replace('"herald"', '"other"'), encoding="utf-8")
    other = run("replay", "--config", path)
    assert other.exit_code == 0
    assert other.stdout.startswith("--- en/all\n+++ en/all\n")
    assert "3 stored entries of sources that" in other.stderr
    path.write_text(text.replace("[[source]]", "[[sorce]]", 1), encoding="utf-8")
    broken = run("replay", "--config", path)
    assert (broken.exit_code, broken.stdout) == (1, "")
    assert "did you mean 'source'?" in broken.stderr
    lost = run("replay", "--config", make_settings(path.parent / "..", head=HEAD).path)
    assert lost.exit_code == 1
    assert "nothing is stored yet" in lost.stderr


# --- secrets ---------------------------------------------------------------------------------------


def test_no_command_shows_a_secret(press: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", f"{SECRET}-env")
    (tmp_path / "token.txt").write_text(f"{SECRET}-file", encoding="utf-8")
    headers = f'{{ X-A = "env:KEY", X-B = "file:token.txt", X-C = "{SECRET}-written" }}'
    admin = f'\n[admin]\npassword = "{SECRET}-written"\n'
    settings_path = tmp_path / "config.toml"
    tables = source_table("a", f"{press.url}/feed?token={SECRET}-url", headers=headers)
    tables += source_table("b", f"{press.url}/none?token={SECRET}-url", headers=headers)
    settings_path.write_text(HEAD + admin + tables, encoding="utf-8")
    opml = tmp_path / "in.opml"
    outline = f'<outline text="C" xmlUrl="https://c.example/f?api_key={SECRET}-url"/>'
    opml.write_text(f'<opml version="2.0"><body>{outline}{outline}</body></opml>', encoding="utf-8")
    new = f"{press.url}/feed?n=1&token={SECRET}-new"
    codes = {
        ("check",): 0,
        ("check", "--json"): 0,
        ("check", "--online"): 1,
        ("check", "--online", "--json"): 1,
        ("schema",): 0,
        ("export",): 0,
        ("preview", "a"): 0,
        ("preview", "a", "--json"): 0,
        ("preview", "b"): 1,
        ("import", str(opml), "--dry-run", "--section", "world"): 0,
        ("import", str(opml), "--dry-run"): 1,
        ("add", new, "--yes", "--section", "world"): 0,
        ("add", new, "--yes", "--section", "world", "--id", "again"): 1,
        ("migrate",): 0,
        ("replay",): 0,
    }
    for arguments, code in codes.items():
        config = () if arguments == ("schema",) else ("--config", settings_path)
        result = run(*arguments, *config)
        assert result.exit_code == code, (arguments, result.stderr)
        assert SECRET not in result.stdout + result.stderr, arguments
    sent = {name: value for request in press.log for name, value in request.headers if name.startswith("x-")}
    assert set(sent.values()) == {f"{SECRET}-env", f"{SECRET}-file", f"{SECRET}-written"}, (
        "publishers see them"
    )

    broken = (
        settings_path.read_text(encoding="utf-8")
        .replace("[admin]", "[admin]\nx = 1")
        .replace("env:KEY", "env:NO")
    )
    settings_path.write_text(broken, encoding="utf-8")
    for arguments in codes:
        result = run(*arguments, *(() if arguments == ("schema",) else ("--config", settings_path)))
        assert SECRET not in result.stdout + result.stderr, arguments
