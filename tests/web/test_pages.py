"""Every page is at its address, leads to the others and sends nobody anywhere else."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from lxml import html

from aggregator.store import articles
from tests.site_samples import Portal


def read_page(client: FlaskClient, path: str) -> html.HtmlElement:
    answer = client.get(path)
    assert answer.status_code == 200, path
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return html.document_fromstring(answer.get_data(as_text=True))


def list_articles(page: html.HtmlElement) -> list[str]:
    """Paths of the articles that the main part of a page leads to, once each."""
    return list(dict.fromkeys(page.xpath("//main//a[starts-with(@href, '/article/')]/@href")))


# --- the pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "lang", "direction", "title"),
    [
        ("/", "ar-LY", "rtl", "مباراة رقم 64 تنتهي بالتعادل"),
        ("/ar/", "ar-LY", "rtl", "افتتاح الجسر 101 في المدينة"),
        ("/en/", "en-GB", "ltr", "Bridge number 202 opens"),
        ("/ar/s/sports/", "ar-LY", "rtl", "مباراة رقم 64 تنتهي بالتعادل"),
        ("/ar/s/libya/", "ar-LY", "rtl", "افتتاح الجسر 101 في المدينة"),
        ("/en/s/world/", "en-GB", "ltr", "Bridge number 201 opens"),
        ("/feeds/", "ar-LY", "rtl", None),
    ],
)
def test_a_page_is_in_its_edition_and_shows_its_articles(
    client: FlaskClient, path: str, lang: str, direction: str, title: str | None
) -> None:
    page = read_page(client, path)
    assert (page.get("lang"), page.get("dir")) == (lang, direction)
    assert title is None or title in page.text_content()


def test_the_first_edition_is_also_at_the_root(client: FlaskClient) -> None:
    assert client.get("/").data == client.get("/ar/").data != client.get("/en/").data


def test_the_pages_of_a_section_list_every_article_once(client: FlaskClient) -> None:
    paths = ["/ar/s/sports/", "/ar/s/sports/page/2/", "/ar/s/sports/page/3/"]
    listed = [list_articles(read_page(client, path)) for path in paths]
    assert [len(page) for page in listed] == [30, 30, 5]
    assert len({path for page in listed for path in page}) == 65


def test_every_link_of_ours_leads_somewhere_without_a_detour(client: FlaskClient) -> None:
    """From the front page on, whatever a page names on this site answers 200 itself."""
    waiting, seen = ["/"], {"/"}
    while waiting:
        answer = client.get(path := waiting.pop(), buffered=True)
        assert answer.status_code == 200, path
        if answer.headers["Content-Type"].startswith("text/html"):
            page = html.document_fromstring(answer.get_data(as_text=True))
            named = page.xpath("//*/@href | //*/@src")
            own = {str(u).removeprefix("https://news.example").partition("#")[0] for u in named}
            fresh = {u for u in own if u.startswith("/")} - seen
            waiting += fresh
            seen |= fresh
    assert {"/ar/s/sports/page/3/", "/feeds.opml", "/feeds/en/world.json", "/static/site.css"} <= seen
    assert sum(path.startswith("/article/") for path in seen) == 65 + 2 + 3


def test_an_article_has_breadcrumb_byline_text_and_the_way_to_its_publisher(client: FlaskClient) -> None:
    (path,) = list_articles(read_page(client, "/en/s/world/"))[-1:]
    page = read_page(client, path)
    text = page.xpath("string(//main)")
    crumbs = page.xpath("//nav[contains(@class, 'crumbs')]//a/@href")
    assert crumbs == ["/en/", "/en/s/world/"]
    assert "Bridge number 200 opens" in page.xpath("string(//h1)")
    assert "Reporter" in text
    assert "a load of 200 stones" in text
    assert page.xpath("//main//a[@href='https://press.example/item-200']")
    outlets = {name for name in ("Outlet herald", "Outlet wire") if name in text}
    assert outlets == {"Outlet herald", "Outlet wire"}, "both carry it"


def test_no_more_of_a_text_is_shown_than_its_source_allows(client: FlaskClient) -> None:
    (path, *_) = list_articles(read_page(client, "/ar/s/libya/"))
    page = read_page(client, path).text_content()
    assert "The bridge carries bicycles and carts" in page
    assert "a loaded donkey" not in page
    assert "stones, says the mayor" not in page


def test_the_page_of_feeds_lists_every_feed_in_every_format(client: FlaskClient) -> None:
    links = set(read_page(client, "/feeds/").xpath("//main//a/@href"))
    names = ("ar/all", "ar/sports", "ar/libya", "en/all", "en/world")
    assert {f"/feeds/{name}.{form}" for name in names for form in ("rss", "atom", "json")} <= links


# --- other addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/fr",
        "/fr/",
        "/AR/",
        "/ar-LY/",
        "/fr/s/sports/",
        "/fr/s/sports",
        "/en/s/sports/",
        "/en/s/sport/",
        "/ar/s/",
        "/ar/s/none/",
        "/ar/s/sports/page/4/",
        "/ar/s/sports/page/0/",
        "/ar/s/sports/page/-1/",
        "/ar/s/sports/page/x/",
        "/ar/s/sports/page/99999999999999999999999/",
        "/ar/s/none/page/1/",
        "/ar/s/libya/page/2/",
        "/ar/sports/",
        "/article/",
        "/article",
        "/article/x",
        "/article/aaaaaaaaaaaaa",
        "/article/AAAAAAAAAAAAA",
        "/article/../healthz",
        "/article/%00",
        "/article/خبر",
        "/favicon.ico",
        "/index.html",
        "/sitemap/fr.xml",
        "/sitemap/ar-none.xml",
        "/static/",
        "/static/none.css",
        "/static/../pages.py",
        "/static/%2e%2e/pages.py",
        "/wp-login.php",
        "/.env",
        "/healthz/",
        "/admin",
        "/%d8%b1",
        "/%ff%fe",
    ],
)
def test_anything_else_is_404_and_leads_nowhere(client: FlaskClient, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = client.open(path, method=method)
        assert answer.status_code == 404
        assert "Location" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
    page = html.document_fromstring(client.get(path).get_data(as_text=True))
    assert page.get("lang") == ("en-GB" if path.startswith("/en/") else "ar-LY")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/ar/s/sport/", "/ar/s/sports/"),
        ("/ar/s/games/", "/ar/s/sports/"),
        ("/ar/s/sport/page/2/", "/ar/s/sports/page/2/"),
        ("/ar/s/games/page/1/", "/ar/s/sports/"),
        ("/ar/s/sports/page/1/", "/ar/s/sports/"),
        ("/ar/s/sports/page/02/", "/ar/s/sports/page/2/"),
    ],
)
def test_a_former_or_second_address_leads_to_the_present_one(
    client: FlaskClient, path: str, target: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 301
    assert answer.headers["Location"] == target
    assert client.get(target).status_code == 200


@pytest.mark.parametrize("path", ["/ar", "/en", "/ar/s/sports", "/ar/s/sports/page/2", "/feeds"])
def test_a_missing_slash_is_added(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 308
    assert answer.headers["Location"] == f"{path}/"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused_with_those_that_are_allowed(client: FlaskClient, method: str) -> None:
    """RFC 9110, 15.5.6: a 405 names them."""
    for path in ("/ar/", "/feeds/ar/all.rss", "/healthz"):
        answer = client.open(path, method=method)
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_an_article_that_was_pruned_is_404_at_once(portal: Portal, client: FlaskClient) -> None:
    with portal.store.read() as tx:
        (article, *_) = articles.list_articles(tx, "en/world", limit=1)
    assert client.get(f"/article/{article.id}").status_code == 200
    assert client.get(f"/article/{article.id[:-1]}").status_code == 404
    assert client.get(f"/article/{article.id}/").status_code == 404
