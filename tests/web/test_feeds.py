"""Every feed of the design is at its address, in three formats, and keeps its address for ever."""

from __future__ import annotations

import json
import threading
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import feedparser
import pytest
from flask.testing import FlaskClient
from lxml import etree

from aggregator.grouping import group_new
from aggregator.publish.opml import render_opml
from aggregator.refresh import apply_configuration
from aggregator.store import open_store
from aggregator.web import create_app
from tests.harness import make_item
from tests.site_samples import (
    HEAD,
    HOUR,
    NOON,
    PORTAL_ITEMS,
    make_settings,
    open_portal,
    save_feed,
    source_table,
)

FORMS = {"rss": "application/xml", "atom": "application/xml", "json": "application/feed+json"}
# What each feed lists, newest first.
FEEDS = {
    "ar/sports": [f"مباراة رقم {n} تنتهي بالتعادل" for n in range(64, 14, -1)],
    "ar/libya": [f"افتتاح الجسر {n} في المدينة" for n in (101, 100)],
    "ar/all": [f"افتتاح الجسر {n} في المدينة" for n in (101, 100)]
    + [f"مباراة رقم {n} تنتهي بالتعادل" for n in range(64, 16, -1)],
    "en/world": [f"Bridge number {n} opens" for n in (202, 201, 200)],
    "en/all": [f"Bridge number {n} opens" for n in (202, 201, 200)],
    "en/top": [f"Bridge number {n} opens" for n in (200, 202, 201)],
    "source/wire": ["Bridge number 200 opens"],
    "source/herald": [f"Bridge number {n} opens" for n in (202, 201, 200)],
}


def read_titles(body: bytes, form: str) -> list[str]:
    if form == "json":
        return [item["title"] for item in json.loads(body)["items"]]
    feed = feedparser.parse(body)
    assert not feed.bozo
    return [entry.title for entry in feed.entries]


def read_guids(body: bytes, form: str) -> list[str]:
    if form == "json":
        return [item["id"] for item in json.loads(body)["items"]]
    return [entry.id for entry in feedparser.parse(body).entries]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_lists_its_newest_fifty_articles(client: FlaskClient, name: str, form: str) -> None:
    answer = client.get(f"/feeds/{name}.{form}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == f"{FORMS[form]}; charset=utf-8"
    assert read_titles(answer.data, form) == FEEDS[name]


@pytest.mark.parametrize("name", FEEDS)
def test_all_formats_give_an_article_the_same_guid(client: FlaskClient, name: str) -> None:
    guids = [read_guids(client.get(f"/feeds/{name}.{form}").data, form) for form in FORMS]
    assert guids[0] == guids[1] == guids[2]
    assert len(set(guids[0])) == len(guids[0])


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_names_its_own_address_and_its_page(client: FlaskClient, name: str) -> None:
    document = json.loads(client.get(f"/feeds/{name}.json").data)
    assert document["feed_url"] == f"https://news.example/feeds/{name}.json"
    home = document["home_page_url"].removeprefix("https://news.example")
    assert client.get(home).status_code == 200


def test_what_several_sources_carry_is_listed_once(client: FlaskClient) -> None:
    """Herald and wire both carry bridge 200."""
    titles = read_titles(client.get("/feeds/en/world.rss").data, "rss")
    assert titles.count("Bridge number 200 opens") == 1


def test_a_feed_without_articles_is_a_feed_all_the_same(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("herald", "https://herald.example/feed"))
    store = open_store(settings.store_url)
    try:
        apply_configuration(store, settings, now=NOON)
        client = create_app(settings, store).test_client()
        for form in FORMS:
            answer = client.get(f"/feeds/en/world.{form}")
            assert answer.status_code == 200
            assert read_titles(answer.data, form) == []
            assert parsedate_to_datetime(answer.headers["Last-Modified"]) == NOON
    finally:
        store.close()


def test_last_modified_moves_with_an_edit(tmp_path: Path) -> None:
    with open_portal(tmp_path) as portal:
        client = create_app(portal.settings, portal.store).test_client()
        before = client.get("/feeds/en/world.rss").headers["Last-Modified"]
        edited = [make_item(200, title="The bridge closes again"), *PORTAL_ITEMS["herald"][1:]]
        save_feed(portal.store, portal.settings, "herald", edited, now=NOON + HOUR)
        answer = client.get("/feeds/en/world.rss", headers={"If-Modified-Since": before})
        assert answer.status_code == 200
        assert parsedate_to_datetime(answer.headers["Last-Modified"]) == NOON + HOUR


def test_whoever_asks_by_date_sees_an_article_leave_the_list(tmp_path: Path) -> None:
    """The newest article moves to another section: the list that lost it has changed as well."""
    tables = [source_table(name, f"https://{name}.example/feed") for name in ("herald", "wire")]
    moved = source_table("wire", "https://wire.example/feed", "libya")
    settings = make_settings(tmp_path, *tables)
    store = open_store(settings.store_url)
    try:
        apply_configuration(store, settings, now=NOON)
        save_feed(store, settings, "herald", [make_item(1)], now=NOON)
        save_feed(store, settings, "wire", [make_item(2)], now=NOON + HOUR)
        client = create_app(settings, store).test_client()
        first = client.get("/feeds/en/world.rss")
        settings = make_settings(tmp_path, tables[0], moved)
        apply_configuration(store, settings, now=NOON + 2 * HOUR)
        since = {"If-Modified-Since": first.headers["Last-Modified"]}
        answer = create_app(settings, store).test_client().get("/feeds/en/world.rss", headers=since)
    finally:
        store.close()
    assert answer.status_code == 200
    assert read_titles(answer.data, "rss") == ["Bridge number 1 opens"]


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/fr/all.rss",
        "/feeds/fr/sports.rss",
        "/feeds/en/sports.rss",
        "/feeds/ar/none.rss",
        "/feeds/ar/sports.xml",
        "/feeds/ar/sports",
        "/feeds/ar/sports.RSS",
        "/feeds/AR/sports.rss",
        "/feeds/ar/.rss",
        "/feeds/ar/sports.rss/",
        "/feeds/ar/",
        "/feeds/source/none.rss",
        "/feeds/ar/stories/none.rss",
        "/feeds/ar/stories/top.rss",
        "/feeds/ar/stories.rss",
        "/feeds/fr/stories/all.rss",
        "/feeds/fr/top.rss",
        "/feeds/source/all.rss",
        "/feeds/en/sport.rss",
        "/feeds.xml",
        "/feeds.opml/",
    ],
)
def test_anything_else_is_404(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("old", ["sport", "games"])
def test_a_former_id_leads_to_the_present_one_in_the_same_format(
    client: FlaskClient, old: str, form: str
) -> None:
    for folder in ("/feeds/ar/stories", "/feeds/ar"):
        for method in ("GET", "HEAD"):
            answer = client.open(f"{folder}/{old}.{form}", method=method)
            assert answer.status_code == 301
            assert answer.headers["Location"] == f"{folder}/sports.{form}"
    assert client.get(answer.headers["Location"]).status_code == 200


# --- stories --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_story_keeps_its_guid_and_date_while_articles_join(tmp_path: Path, form: str) -> None:
    with open_portal(tmp_path) as portal:
        client = create_app(portal.settings, portal.store).test_client()
        group_new(portal.store, now=NOON, stopping=threading.Event())
        before = read_stories(client.get(f"/feeds/en/stories/world.{form}").data, form)
        again = make_item(
            202, guid="again", title="Mayor opens bridge number 202 with a donkey", url="https://w.example/1"
        )
        save_feed(portal.store, portal.settings, "wire", [again], now=NOON + HOUR)
        group_new(portal.store, now=NOON + HOUR, stopping=threading.Event())
        after = read_stories(client.get(f"/feeds/en/stories/world.{form}").data, form)
        assert client.get(f"/feeds/en/stories/all.{form}").data.count(b"Mayor opens") == 1
    changed = [guid for guid in before if after[guid] != before[guid]]
    assert before.keys() == after.keys()
    assert all("tag:news.example,2026:story/" in guid for guid in before)
    assert len(changed) == 1
    assert after[changed[0]][0] == before[changed[0]][0]
    assert "Mayor opens" in after[changed[0]][1]


def read_stories(body: bytes, form: str) -> dict[str, tuple[str, str]]:
    """Date of publication and body of each item, by guid."""
    if form == "json":
        return {i["id"]: (i["date_published"], i["content_html"]) for i in json.loads(body)["items"]}
    entries = feedparser.parse(body).entries
    return {e.id: (e.published, e.content[0].value) for e in entries}


# --- the list of feeds ----------------------------------------------------------------------------


def test_the_opml_lists_every_section_of_every_edition(client: FlaskClient) -> None:
    answer = client.get("/feeds.opml")
    assert answer.headers["Content-Type"] == "text/x-opml; charset=utf-8"
    urls = [str(url) for url in etree.fromstring(answer.data).xpath("//@xmlUrl")]
    stories = ["stories/all", "stories/sports", "stories/libya"]
    names = [f"ar/{name}" for name in ("all", "sports", "libya", "top", *stories)]
    names += [f"en/{name}" for name in ("all", "world", "top", "stories/all", "stories/world")]
    assert urls == [f"https://news.example/feeds/{name}.rss" for name in names]
    for url in urls:
        assert client.get(url.removeprefix("https://news.example")).status_code == 200


def test_whoever_asks_for_the_opml_by_date_sees_a_new_section(tmp_path: Path) -> None:
    with open_portal(tmp_path) as portal:
        first = create_app(portal.settings, portal.store).test_client().get("/feeds.opml")
        head = HEAD + '\n[[section]]\nid = "arts"\nedition = "ar"\n'
        settings = make_settings(tmp_path, head=head)
        apply_configuration(portal.store, settings, now=NOON + HOUR)
        since = first.headers.get("Last-Modified", format_datetime(NOON, usegmt=True))
        client = create_app(settings, portal.store).test_client()
        answer = client.get("/feeds.opml", headers={"If-Modified-Since": since})
        assert answer.status_code == 200
        assert b"/feeds/ar/arts.rss" in answer.data
        unchanged = client.get("/feeds.opml", headers={"If-None-Match": answer.headers["ETag"]})
        assert unchanged.status_code == 304


def test_the_opml_can_be_imported_again(client: FlaskClient) -> None:
    root = etree.fromstring(client.get("/feeds.opml").data)
    empty = etree.fromstring(render_opml(title="x", groups=[]))
    assert root.tag == empty.tag == "opml"
    assert root.get("version") == "2.0"
    lists = 2 * (HEAD.count("[[section]]") + 2) + 2  # sections and "all" twice, "top" once an edition
    assert len(root.xpath("//outline[@xmlUrl]")) == lists
