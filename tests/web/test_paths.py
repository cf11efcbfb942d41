"""The list of public addresses and the routes of the application say the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect

from aggregator.grouping import group_new
from aggregator.store import days, icons
from aggregator.web import create_app
from aggregator.web.paths import is_dynamic, list_former_paths, list_paths
from tests.harness import make_item
from tests.site_samples import NOON, PORTAL_ITEMS, Portal, open_portal, save_feed

FERRY = (
    make_item(300, title="Ferry aground off Brackwell pier", html="<p>Fog and rocks stopped the ferry.</p>"),
    make_item(301, title="Brackwell ferry aground in fog", html="<p>Rocks off the pier hold the ferry.</p>"),
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """With a story that two articles tell, days of several pages, and the icon of a source."""
    folder = tmp_path_factory.mktemp("portal")
    with open_portal(folder) as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr(days, "PER_PAGE", 50)
        for source_id, item in zip(("herald", "wire"), FERRY, strict=True):
            save_feed(opened.store, opened.settings, source_id, [*PORTAL_ITEMS[source_id], item])
        group_new(opened.store, now=NOON, stopping=threading.Event())
        site = icons.IconSite(source_id="wire", site_url="https://wire.example/")
        with opened.store.write() as tx:
            icons.record_icon(tx, site, b"GIF89a", ending="gif", next_at=NOON, now=NOON)
        yield opened


@pytest.fixture(scope="module")
def paths(portal: Portal) -> list[str]:
    with portal.store.read() as tx:
        return [listed.path for listed in list_paths(tx, portal.settings)]


@pytest.fixture(scope="module")
def app(portal: Portal) -> Flask:
    return create_app(portal.settings, portal.store)


def find_rule(app: Flask, path: str) -> str:
    """The route that answers an address."""
    try:
        rule, _ = app.url_map.bind("").match(path, return_rule=True)
    except (NotFound, RequestRedirect):
        return ""
    return rule.rule


def test_every_route_is_listed_or_said_to_be_dynamic(app: Flask, paths: list[str]) -> None:
    """Whoever adds a route decides: aggregator/web/paths.py is the place."""
    listed = {find_rule(app, path) for path in paths}
    routes = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    missing = {rule for rule in routes - listed if not is_dynamic(rule)}
    # /embed/article/... shares its route with the boxes of sections.
    assert missing == set()


def test_no_listed_address_is_dynamic(paths: list[str]) -> None:
    assert [path for path in paths if is_dynamic(path)] == []


def test_every_listed_address_is_there_once(app: Flask, paths: list[str]) -> None:
    assert len(set(paths)) == len(paths)
    client = app.test_client()
    answers = {path: client.get(path, buffered=True).status_code for path in paths}
    assert answers == dict.fromkeys(paths, 200)


def test_kinds_say_what_an_address_is(portal: Portal) -> None:
    with portal.store.read() as tx:
        kinds = {listed.path: listed.kind for listed in list_paths(tx, portal.settings)}
    assert kinds["/ar/s/sports/page/3/"] == "page"
    assert kinds["/feeds/en/all/2026-11.atom"] == "feed"
    assert kinds["/embed/ar/sports.fit"] == "box"
    assert kinds["/embed/v1.js"] == "file"
    assert kinds["/static/site.css"] == "static"
    assert sum(path.startswith("/article/") for path in kinds) == 65 + 2 + 3 + 2
    assert any(path.startswith("/story/") for path in kinds)


def test_every_former_address_leads_to_a_listed_one(app: Flask, portal: Portal, paths: list[str]) -> None:
    with portal.store.read() as tx:
        former = list(list_former_paths(tx, portal.settings))
    assert {"/ar/s/sport/", "/ar/s/games/page/3/", "/feeds/ar/stories/games.json", "/embed/ar/sport.fit"} <= {
        *former
    }
    client = app.test_client()
    answers = {path: client.get(path) for path in former}
    assert {answer.status_code for answer in answers.values()} == {301}
    assert {answer.headers["Location"] for answer in answers.values()} <= set(paths)
