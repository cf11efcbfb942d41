"""The files that robots ask for, over a filled store."""

from __future__ import annotations

from flask.testing import FlaskClient
from lxml import etree

from aggregator.store.entries import bump_revision
from tests.site_samples import HOUR, NOON, Portal


def read_paths(client: FlaskClient, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    found = etree.fromstring(answer.data).iterfind(".//{*}loc")
    return [str(node.text).removeprefix("https://news.example") for node in found]


def test_the_maps_name_every_public_page_and_each_is_there(client: FlaskClient) -> None:
    maps = read_paths(client, "/sitemap.xml")
    paths = [path for name in maps if "news" not in name for path in read_paths(client, name)]
    assert len(paths) == len(set(paths)) == (3 + 67) + (2 + 3)
    assert {client.get(path).status_code for path in paths} == {200}


def test_news_end_with_the_last_change_and_not_with_the_present(portal: Portal, client: FlaskClient) -> None:
    with portal.store.write() as tx:
        bump_revision(tx, now=NOON)
    assert len(read_paths(client, "/sitemap/en-news.xml")) == 0, "the articles are four days old"
    with portal.store.write() as tx:
        bump_revision(tx, now=NOON - 72 * HOUR)
    assert len(read_paths(client, "/sitemap/en-news.xml")) == 3


def test_robots_are_told_of_the_index(client: FlaskClient) -> None:
    answer = client.get("/robots.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert b"Sitemap: https://news.example/sitemap.xml" in answer.data
