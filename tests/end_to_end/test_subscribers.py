"""Real subscribers read our feeds: each the same, an edit as an edit, and nothing new after a restart.

newsboat has a file of its own. Feeds are polled from the real server on loopback; no mail is sent.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from aggregator.demo.documents import DemoEnclosure
from aggregator.demo.publisher import Publisher
from tests.harness import (
    Site,
    find_free_port,
    let_workers_catch_up,
    make_item,
    publish,
    wait_until,
    write_config,
)

reader = pytest.importorskip("reader", reason="reader is not installed (pip install reader)")

ENCLOSURE = DemoEnclosure(url="https://press.example/bridge.mp3", type="audio/mpeg", length=4096)
ARABIC = make_item(1, title="افتتاح الجسر الثالث «اليوم» & غدا", enclosure=ENCLOSURE)
FIRST = [ARABIC, make_item(2), make_item(3)]
EDITED_HTML = ARABIC.html.replace("nothing heavier than a donkey", "no carts any longer")
EDITED = [make_item(1, title="إغلاق الجسر الثالث", enclosure=ENCLOSURE, html=EDITED_HTML), *FIRST[1:]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An item as a subscriber shows it; None: this one does not show such a thing."""

    guid: str
    title: str
    author: str
    content: str
    link: str
    published_at: datetime
    enclosure: str | None
    known_before: bool  # it was told to the user as a change of what they had, not as new


Poll = Callable[[Path, str], list[Seen]]  # a folder of its own, the URL; what it holds of each item last


def poll_rss2email(folder: Path, url: str) -> list[Seen]:
    """Each change comes as a mail into a maildir; of one item's mails the last counts."""
    config, data = folder / "rss2email.cfg", folder / "rss2email.json"
    r2e = ["r2e", "--config", str(config), "--data", str(data)]
    environment = os.environ | {"HOME": str(folder), "LC_ALL": "C.UTF-8"}
    if not config.exists():
        config.write_text(
            "[DEFAULT]\nfrom = a@a.invalid\nto = b@b.invalid\nemail-protocol = maildir\ndate-header = True\n"
            f"date-header-order = issued\nreply-changes = True\nmaildir-path = {folder}\n"
        )
        subprocess.run([*r2e, "add", "ours", url], env=environment, check=True, capture_output=True)
    done = subprocess.run([*r2e, "run"], env=environment, check=True, capture_output=True, text=True)
    assert "error" not in done.stderr.lower(), done.stderr
    mails = [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        for file in sorted((folder / "INBOX" / "new").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    ]
    latest = {str(mail["X-RSS-ID"]): mail for mail in mails}
    bodies = {guid: mail.get_content() for guid, mail in latest.items()}
    return [
        Seen(
            guid=guid,
            title=str(mail["Subject"]),
            author=str(mail["From"]),
            content=bodies[guid],
            link=str(mail["X-RSS-URL"]),
            published_at=parsedate_to_datetime(str(mail["Date"])).replace(tzinfo=UTC),  # it writes -0000
            enclosure=ENCLOSURE.url if f"Enclosure: {ENCLOSURE.url}" in bodies[guid] else None,
            known_before=mail["In-Reply-To"] is not None,
        )
        for guid, mail in latest.items()
    ]


def poll_sfeed(folder: Path, url: str) -> list[Seen]:
    """Its own `merge` tells items apart by guid, title and link; here by the guid alone, the latest first."""
    rc = folder / "sfeedrc"
    rc.write_text(
        f'sfeedpath="{folder}/feeds"\nfeeds() {{ feed ours "{url}"; }}\n'
        """merge() { sort -t "$(printf '\\t')" -u -k6,6 "$3" "$2"; }\n"""
    )
    held = folder / "feeds" / "ours"
    before = held.read_text("utf-8").splitlines() if held.exists() else []
    guids_before = {line.split("\t")[5] for line in before}
    environment = os.environ | {"HOME": str(folder)}
    subprocess.run(["sfeed_update", str(rc)], env=environment, check=True, capture_output=True)
    lines = held.read_text("utf-8").splitlines()
    return [
        _read_line(line, known=line not in before and line.split("\t")[5] in guids_before) for line in lines
    ]


def _read_line(line: str, *, known: bool) -> Seen:
    at, title, link, content, _kind, guid, author, enclosure, _categories = line.split("\t")
    return Seen(
        guid=guid,
        title=title,
        author=author,
        content=content.replace("\\n", "\n"),
        link=link,
        published_at=datetime.fromtimestamp(int(at), UTC),
        enclosure=enclosure or None,
        known_before=known,
    )


def poll_reader(folder: Path, url: str) -> list[Seen]:
    with reader.make_reader(str(folder / "db.sqlite")) as library:
        library.add_feed(url, exist_ok=True)
        before = {entry.id: entry for entry in library.get_entries()}
        library.update_feed(url)
        return [
            Seen(
                guid=entry.id,
                title=entry.title,
                # Of `Reporter (Outlet)` in RSS it takes the second for the e-mail address of the first.
                author=", ".join(f"{a.name} ({a.email})" if a.email else str(a.name) for a in entry.authors),
                content=entry.get_content(prefer_summary=False).value,
                link=entry.link,
                published_at=entry.published,
                enclosure=entry.enclosures[0].href if entry.enclosures else None,
                known_before=entry.id in before and entry.content != before[entry.id].content,
            )
            for entry in library.get_entries()
        ]


POLLS: Mapping[str, tuple[Poll, str, tuple[str, ...]]] = {  # with its programs, and the forms that it reads
    "rss2email": (poll_rss2email, "r2e", ("rss", "atom")),
    "sfeed": (poll_sfeed, "sfeed_update curl", ("rss", "atom")),
    "reader": (poll_reader, "", ("rss", "atom", "json")),
}
SUBSCRIBERS = [f"{name} {form}" for name, (_, _, forms) in POLLS.items() for form in forms]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What each subscriber held after each of its polls, by its name and form."""

    first: dict[str, list[Seen]]
    edited: dict[str, list[Seen]]
    restarted: dict[str, list[Seen]]
    guids: set[str]  # as the JSON feed has them


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Everyone subscribes; the publisher edits an item; the server starts anew."""
    folder = tmp_path_factory.mktemp("site")
    homes = {name: tmp_path_factory.mktemp("home") for name in SUBSCRIBERS}
    site = Site(folder=folder, port=find_free_port())

    def poll_all() -> dict[str, list[Seen]]:
        held = {}
        for name in SUBSCRIBERS:
            client, form = name.split()
            poll, programs, _ = POLLS[client]
            if all(map(shutil.which, programs.split())):
                held[name] = poll(homes[name], f"{site.url}/feeds/en/world.{form}")
        return held

    def wait_for(words: str) -> None:
        wait_until(lambda: words in site.get("/feeds/en/world.json").body.decode(), f"«{words}»")
        let_workers_catch_up()

    with Publisher() as publisher:
        publish(publisher, "/a", FIRST)
        write_config(site, publisher, {"a": "/a"}, every="1s")
        with site.serving():
            wait_for(FIRST[-1].title)
            first = poll_all()
            publish(publisher, "/a", EDITED)
            wait_for(EDITED[0].title)
            edited = poll_all()
        with site.serving():
            restarted = poll_all()
            guids = {item["id"] for item in json.loads(site.get("/feeds/en/world.json").body)["items"]}
    return Story(first=first, edited=edited, restarted=restarted, guids=guids)


@pytest.fixture(params=SUBSCRIBERS)
def subscriber(request: pytest.FixtureRequest, story: Story) -> str:
    name: str = request.param
    if name not in story.first:
        programs = POLLS[name.split()[0]][1]
        pytest.skip(f"not installed: {programs} (apt-get install rss2email sfeed curl)")
    return name


def find_item(items: list[Seen], number: int) -> Seen:
    (found,) = (item for item in items if item.link == f"https://press.example/item-{number}")
    return found


def test_it_reads_what_the_item_says(subscriber: str, story: Story) -> None:
    item = find_item(story.first[subscriber], 1)
    assert item.title == ARABIC.title
    assert "Reporter (Outlet a)" in item.author
    assert item.published_at == ARABIC.published_at
    assert item.enclosure == ENCLOSURE.url
    words = " ".join(item.content.split())
    assert words.index("Outlet a") < words.index(
        "carries bicycles and carts, and nothing heavier than a donkey"
    )


def test_it_knows_each_item_by_our_guid(subscriber: str, story: Story) -> None:
    assert len(story.first[subscriber]) == len(FIRST)
    assert {item.guid for item in story.first[subscriber]} == story.guids


def test_it_takes_an_edit_for_an_update_of_the_same_item(subscriber: str, story: Story) -> None:
    after = story.edited[subscriber]
    assert {item.guid for item in after} == story.guids
    assert [item.link for item in after if item.known_before] == [ARABIC.url]
    item = find_item(after, 1)
    assert (item.title, item.published_at) == (EDITED[0].title, ARABIC.published_at)
    assert "no carts any longer" in " ".join(item.content.split())


def test_it_finds_nothing_new_after_a_restart(subscriber: str, story: Story) -> None:
    def without_marks(items: list[Seen]) -> set[tuple[str, str, str]]:
        return {(item.guid, item.title, item.content) for item in items}

    assert without_marks(story.restarted[subscriber]) == without_marks(story.edited[subscriber])
