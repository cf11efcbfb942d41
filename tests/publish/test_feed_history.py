"""What a document says of older articles (RFC 5005) and of such as are gone (RFC 6721)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest
from lxml import etree

from aggregator.model import Archive, FeedHead, Withdrawal
from aggregator.publish.feeds import render_atom, render_rss
from tests.publish.feed_samples import ARTICLES, DAWN, FULL, HEADS

ROOT = "https://news.example/feeds/ar/sports"
NS = {
    "a": "http://www.w3.org/2005/Atom",
    "at": "http://purl.org/atompub/tombstones/1.0",
    "fh": "http://purl.org/syndication/history/1.0",
}
PLAIN = HEADS["ar"]
CURRENT = replace(PLAIN, archive=Archive(url=None, previous_url=f"{ROOT}/2026-11.atom"))
PAST = replace(
    PLAIN,
    archive=Archive(
        url=f"{ROOT}/2026-10.atom",
        previous_url=f"{ROOT}/2026-09.atom",
        next_url=f"{ROOT}/2026-11.atom",
        fixed=True,
    ),
)
OPEN = replace(PLAIN, archive=Archive(url=f"{ROOT}/2026-11.atom", previous_url=None))
GONE = Withdrawal(guid="tag:news.example,2026:gone", withdrawn_at=DAWN + timedelta(microseconds=5))
SHORTER = replace(CURRENT, withdrawn=(GONE, replace(GONE, guid="tag:news.example,2026:lost")))


def parse(document: bytes) -> Any:
    return etree.fromstring(document)


def list_links(head: FeedHead) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for link in parse(render_atom(head, ARTICLES)).findall("a:link", NS):
        found.setdefault(link.get("rel"), []).append(link.get("href"))
    return found


@pytest.mark.parametrize(
    ("head", "links"),
    [
        pytest.param(PLAIN, {"self": f"{ROOT}.atom"}, id="a feed without archives"),
        pytest.param(
            CURRENT,
            {"self": f"{ROOT}.atom", "prev-archive": f"{ROOT}/2026-11.atom"},
            id="the feed leads to the newest archive",
        ),
        pytest.param(
            PAST,
            {
                "self": f"{ROOT}/2026-10.atom",
                "current": f"{ROOT}.atom",
                "prev-archive": f"{ROOT}/2026-09.atom",
                "next-archive": f"{ROOT}/2026-11.atom",
            },
            id="an archive leads to its neighbours and to the feed",
        ),
        pytest.param(
            OPEN,
            {"self": f"{ROOT}/2026-11.atom", "current": f"{ROOT}.atom"},
            id="the only archive has no neighbours",
        ),
    ],
)
def test_links(head: FeedHead, links: dict[str, str]) -> None:
    found = list_links(head)
    alternates = found.pop("alternate")
    assert found == {rel: [url] for rel, url in links.items()}
    twins = [] if head in (PAST, OPEN) else [f"{ROOT}.rss", f"{ROOT}.json"]
    assert alternates == [PLAIN.home_url, *twins]


@pytest.mark.parametrize(("head", "marks"), [(PLAIN, 0), (CURRENT, 0), (OPEN, 0), (PAST, 1)])
def test_only_what_stays_as_it_is_is_called_an_archive(head: FeedHead, marks: int) -> None:
    document = render_atom(head, ARTICLES)
    assert len(parse(document).findall("fh:archive", NS)) == marks
    assert document.count(NS["fh"].encode()) == marks


def test_rss_leads_to_the_archives_in_atom() -> None:
    links = parse(render_rss(CURRENT, ARTICLES)).findall("channel/a:link", NS)
    older = [dict(link.attrib) for link in links if link.get("rel") == "prev-archive"]
    assert older == [{"rel": "prev-archive", "type": "application/atom+xml", "href": f"{ROOT}/2026-11.atom"}]
    assert parse(render_rss(CURRENT, ARTICLES)).findtext("channel/link") == PLAIN.home_url


def test_what_is_gone_is_named_before_the_entries() -> None:
    root = parse(render_atom(SHORTER, ARTICLES))
    gone = root.findall("at:deleted-entry", NS)
    assert [dict(each.attrib) for each in gone] == [
        {"ref": f"tag:news.example,2026:{name}", "when": "2026-11-24T05:30:00+00:00"}
        for name in ("gone", "lost")
    ]
    # RFC 4287's grammar has elements of others before the entries.
    assert list(root).index(gone[-1]) < list(root).index(root.find("a:entry", NS))


def test_where_nothing_is_gone_no_document_speaks_of_it() -> None:
    assert NS["at"].encode() not in render_atom(CURRENT, ARTICLES)
    assert b"deleted-entry" not in render_rss(SHORTER, ARTICLES)


@pytest.mark.parametrize("head", [CURRENT, PAST, OPEN, SHORTER])
def test_readers_that_know_none_of_it_read_the_articles(head: FeedHead) -> None:
    for document in (render_atom(head, ARTICLES), render_rss(head, ARTICLES)):
        feed = feedparser.parse(document)
        assert not feed.bozo
        assert [entry.id for entry in feed.entries] == [article.guid for article in ARTICLES]


@pytest.mark.skipif(not shutil.which("xmllint"), reason="xmllint (libxml2-utils) is not installed")
@pytest.mark.parametrize("head", [PAST, SHORTER])
def test_xmllint_finds_them_well_formed(head: FeedHead, tmp_path: Path) -> None:
    path = tmp_path / "feed.atom"
    path.write_bytes(render_atom(head, [FULL]))
    done = subprocess.run(["xmllint", "--noout", "--nonet", path], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
