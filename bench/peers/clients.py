"""How each peer is told of the feeds, polled once, and asked what it holds.

Each as its user would have it: the defaults, with as many threads or jobs as it takes for granted or, where
it goes one by one unless told otherwise, as many as ours.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from documents import render_config

THREADS = 8
FLOOR = Path(__file__).with_name("feedparser_alone.py")
READER = """
import sys
from reader import make_reader
with make_reader(sys.argv[1]) as library:
    library.update_feeds(scheduled=False, workers=int(sys.argv[2]))  # else none within an hour of the last
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """`needs` are programs; `poll` is one command; `count` the items held, `kept` matches their files."""

    name: str
    needs: Sequence[str]
    set_up: Callable[[Path, Sequence[str]], None]
    poll: Callable[[Path, Sequence[str]], list[str]]
    count: Callable[[Path], int] | None  # None: it keeps nothing
    kept: str = ""

    def find_missing(self) -> list[str]:
        return [program for program in self.needs if shutil.which(program) is None]


def make_environment(folder: Path) -> dict[str, str]:
    return os.environ | {"HOME": str(folder), "LC_ALL": "C.UTF-8"}


def measure_store(peer: Peer, folder: Path) -> int:
    """Bytes of what a peer keeps."""
    return sum(file.stat().st_size for file in folder.glob(peer.kept) if file.is_file())


# --- ours ------------------------------------------------------------------------------------------


def _set_up_ours(folder: Path, urls: Sequence[str]) -> None:
    (folder / "config.toml").write_text(render_config(urls), encoding="utf-8")


def _poll_ours(folder: Path, _urls: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "aggregator", "poll", "--all", "--config", str(folder / "config.toml")]


def _count_rows(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


# --- reader ----------------------------------------------------------------------------------------


def _set_up_reader(folder: Path, urls: Sequence[str]) -> None:
    from reader import make_reader

    with make_reader(str(folder / "reader.db")) as library:
        for url in urls:
            library.add_feed(url)


def _poll_reader(folder: Path, _urls: Sequence[str]) -> list[str]:
    return [sys.executable, "-c", READER, str(folder / "reader.db"), str(THREADS)]


# --- newsboat --------------------------------------------------------------------------------------


def _set_up_newsboat(folder: Path, urls: Sequence[str]) -> None:
    (folder / "urls").write_text("\n".join(urls))
    (folder / "config").write_text(f"reload-threads {THREADS}\n")


def _poll_newsboat(folder: Path, _urls: Sequence[str]) -> list[str]:
    files = ["-u", str(folder / "urls"), "-c", str(folder / "cache.db"), "-C", str(folder / "config")]
    return ["newsboat", *files, "-x", "reload"]


# --- sfeed -----------------------------------------------------------------------------------------


def _set_up_sfeed(folder: Path, urls: Sequence[str]) -> None:
    feeds = "\n".join(f'feed "s{n}" "{url}"' for n, url in enumerate(urls))
    (folder / "sfeedrc").write_text(f'sfeedpath="{folder}/feeds"\nfeeds() {{\n{feeds}\n}}\n')


def _poll_sfeed(folder: Path, _urls: Sequence[str]) -> list[str]:
    return ["sfeed_update", str(folder / "sfeedrc")]


def _count_lines(folder: Path) -> int:
    return sum(len(file.read_bytes().splitlines()) for file in (folder / "feeds").iterdir())


# --- rss2email -------------------------------------------------------------------------------------


def _set_up_rss2email(folder: Path, urls: Sequence[str]) -> None:
    (folder / "rss2email.cfg").write_text(
        "[DEFAULT]\nfrom = a@a.invalid\nto = b@b.invalid\nemail-protocol = maildir\n"
        f"maildir-path = {folder}\n"
    )
    outlines = "".join(
        f'<outline type="rss" text="s{n}" xmlUrl={quoteattr(url)}/>' for n, url in enumerate(urls)
    )
    opml = folder / "feeds.opml"
    opml.write_text(f'<opml version="2.0"><head/><body>{outlines}</body></opml>')
    command = [*_call_rss2email(folder), "opmlimport", str(opml)]
    subprocess.run(command, env=make_environment(folder), check=True, capture_output=True)


def _call_rss2email(folder: Path) -> list[str]:
    files = ["--config", str(folder / "rss2email.cfg"), "--data", str(folder / "rss2email.json")]
    return ["r2e", *files]


def _poll_rss2email(folder: Path, _urls: Sequence[str]) -> list[str]:
    return [*_call_rss2email(folder), "run"]


# --- feedparser alone ------------------------------------------------------------------------------


def _poll_floor(folder: Path, urls: Sequence[str]) -> list[str]:
    return [sys.executable, str(FLOOR), str(folder / "tags.json"), *urls]


OURS = Peer(
    name="ours",
    needs=(),
    set_up=_set_up_ours,
    poll=_poll_ours,
    count=lambda folder: _count_rows(folder / "aggregator.db", "entries"),
    kept="aggregator.db*",
)
FEEDPARSER = Peer(
    name="feedparser alone",
    needs=(),
    set_up=lambda folder, urls: None,
    poll=_poll_floor,
    count=None,
)
PEERS = (
    OURS,
    Peer(
        name="reader",
        needs=(),
        set_up=_set_up_reader,
        poll=_poll_reader,
        count=lambda folder: _count_rows(folder / "reader.db", "entries"),
        kept="reader.db*",
    ),
    Peer(
        name="newsboat",
        needs=("newsboat",),
        set_up=_set_up_newsboat,
        poll=_poll_newsboat,
        count=lambda folder: _count_rows(folder / "cache.db", "rss_item"),
        kept="cache.db*",
    ),
    Peer(
        name="sfeed",
        needs=("sfeed_update", "curl"),
        set_up=_set_up_sfeed,
        poll=_poll_sfeed,
        count=_count_lines,
        kept="feeds/*",
    ),
    Peer(
        name="rss2email",
        needs=("r2e",),
        set_up=_set_up_rss2email,
        poll=_poll_rss2email,
        count=lambda folder: len(list((folder / "INBOX" / "new").iterdir())),
        kept="INBOX/new/*",
    ),
    FEEDPARSER,
)
