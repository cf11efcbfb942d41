"""The pages to look things up in: what they find, what they refuse, what they tell caches and robots."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from aggregator.grouping import group_new
from aggregator.refresh import apply_configuration
from aggregator.store import articles, open_store, stories
from aggregator.store.ids import decode_id, encode_id
from aggregator.web import create_app
from tests.harness import make_item
from tests.publish.page_samples import HOSTILE_TITLE
from tests.site_samples import NOON, Portal, make_settings, open_portal, save_feed, source_table

HOSTILE = make_item(
    300,
    title=HOSTILE_TITLE,
    html='<p>A kraken &lt;img src=x onerror="alert(1)"&gt; was <b>seen</b> at dawn.</p>',
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with open_portal(tmp_path_factory.mktemp("portal")) as opened:
        save_feed(opened.store, opened.settings, "wire", [make_item(200, guid="wire-200"), HOSTILE])
        group_new(opened.store, now=NOON, stopping=threading.Event())
        yield opened


def read_page(client: FlaskClient, path: str, **query: str) -> html.HtmlElement:
    answer = client.get(path, query_string=query or None)
    assert answer.status_code == 200, path
    return html.document_fromstring(answer.get_data(as_text=True))


def list_hits(page: html.HtmlElement) -> list[str]:
    return [" ".join(title.text_content().split()) for title in page.xpath("//li[@class='hit']/h2")]


# --- search ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "asked", "hits", "marked"),
    [
        ("/ar/search", "الجسور جسر", 0, set()),
        ("/ar/search", "والجسر", 2, {"الجسر"}),
        ("/ar/search", "مُباراةٌ", 20, {"مباراة"}),
        ("/ar/search", "section:libya", 2, set()),
        ("/ar/search", "source:madar -section:sports", 0, set()),
        ("/en/search", "bridges", 3, {"Bridge"}),
        ("/en/search", '"heavier than a donkey"', 3, {"heavier than a donkey"}),
        ("/en/search", "source:wire bridge", 1, {"Bridge"}),
        ("/en/search", "مباراة", 0, set()),
        ("/en/search", "on:2026-11-20", 4, set()),
        ("/en/search", "after:2026-11-21", 0, set()),
    ],
)
def test_a_search_finds_and_marks(
    client: FlaskClient, path: str, asked: str, hits: int, marked: set[str]
) -> None:
    page = read_page(client, path, q=asked)
    assert len(list_hits(page)) == hits
    assert {mark.text_content() for mark in page.xpath("//mark")} == marked
    assert page.xpath("//input[@name='q']/@value") == [asked]
    assert bool(page.xpath("//div[@class='empty']")) == (hits == 0)


def test_a_search_is_of_no_use_to_robots_and_caches(client: FlaskClient) -> None:
    answer = client.get("/ar/search", query_string={"q": "x"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    page = html.document_fromstring(answer.get_data(as_text=True))
    assert page.xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert (page.get("lang"), page.get("dir")) == ("ar-LY", "rtl")


def test_without_a_question_the_page_explains(client: FlaskClient) -> None:
    text = read_page(client, "/en/search").text_content()
    assert "How to search" in text
    assert "source:herald" in text
    assert "Nothing found" not in text


def test_hits_have_pages_and_a_count(client: FlaskClient) -> None:
    seen: list[str] = []
    path = "/ar/search?q=%D9%85%D8%A8%D8%A7%D8%B1%D8%A7%D8%A9"
    for number in range(1, 5):
        page = read_page(client, path)
        assert "65 خبرًا" in page.text_content()
        seen += list_hits(page)
        following = page.xpath("//a[@rel='next']/@href")
        assert bool(following) == (number < 4)
        path = following[0] if following else path
    assert len(seen) == len(set(seen)) == 65
    assert client.get("/ar/search?q=%D9%85%D8%A8%D8%A7%D8%B1%D8%A7%D8%A9&page=5").status_code == 404


@pytest.mark.parametrize(
    ("path", "asked", "said"),
    [
        ("/en/search", "source:none", "There is no source “none” here"),
        ("/ar/search", "source:none", "لا مصدر هنا باسم «none»"),
        ("/en/search", "section:<b>", "There is no section “<b>” in this edition"),
        ("/en/search", "on:today", "“on:today” names no day. Write it like this: on:2026-11-24"),
        ("/en/search", "after:2026-11-24 before:2026-11-23", "No day lies between these dates."),
        ("/en/search", "a b c d e f g h i j k", "Please ask for at most 10 words at once."),
    ],
)
def test_what_cannot_be_is_said_in_the_editions_words(
    client: FlaskClient, path: str, asked: str, said: str
) -> None:
    page = read_page(client, path, q=asked)
    (alert,) = page.xpath("//*[@role='alert']")
    assert said in " ".join(alert.text_content().split())
    assert list_hits(page) == []


def test_hostile_texts_stay_texts(client: FlaskClient) -> None:
    for asked in ("kraken", "alert", "onerror", HOSTILE_TITLE):
        answer = client.get("/en/search", query_string={"q": asked}).get_data(as_text=True)
        page = html.document_fromstring(answer)
        assert page.xpath("//script[not(@src)] | //main//img | //@onmouseover | //@onerror") == [], asked
    page = read_page(client, "/en/search", q="alert")
    assert list_hits(page) == [HOSTILE_TITLE]
    assert [mark.text_content() for mark in page.xpath("//h2/a/mark")] == ["alert"]


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "9999999", "١", "2"])
def test_there_is_no_such_page_of_hits(client: FlaskClient, page: str) -> None:
    assert client.get("/en/search", query_string={"q": "bridge", "page": page}).status_code == 404


@given(st.one_of(st.text(max_size=40), st.binary(max_size=20).map(lambda raw: raw.decode("latin-1"))))
def test_no_question_is_too_strange(client: FlaskClient, asked: str) -> None:
    for text in (asked, f'"{asked}', f"-{asked}", f"source:{asked}", f"on:{asked} bridge"):
        answer = client.get("/en/search", query_string={"q": text.encode("utf-8", "surrogatepass")})
        assert answer.status_code == 200


@pytest.mark.parametrize("content", ["title", "summary"])
def test_neither_hits_nor_snippets_tell_what_may_not_be_read(tmp_path: Path, content: str) -> None:
    settings = make_settings(tmp_path, source_table("wire", "https://wire.example/f", content=f'"{content}"'))
    store = open_store(settings.store_url)
    apply_configuration(store, settings, now=NOON)
    save_feed(store, settings, "wire", [make_item(1)])
    client = create_app(settings, store).test_client()
    assert list_hits(read_page(client, "/en/search", q="stones")) == []
    page = read_page(client, "/en/search", q="bridge")
    assert list_hits(page) == ["Bridge number 1 opens"]
    assert "donkey" not in page.text_content()
    assert bool(page.xpath("//p[@class='excerpt']")) == (content == "summary")
    store.close()


# --- stories --------------------------------------------------------------------------------------


def find_story(portal: Portal, section: str, title: str) -> str:
    with portal.store.read() as tx:
        found = articles.list_articles(tx, section, limit=100)
    return next(article.story or "" for article in found if article.title == title)


def test_a_story_lists_who_tells_it(portal: Portal, client: FlaskClient) -> None:
    story = find_story(portal, "en/world", "Bridge number 200 opens")
    answer = client.get(f"/story/{story}")
    assert answer.headers["Cache-Control"].startswith("public, max-age=300")
    page = html.document_fromstring(answer.get_data(as_text=True))
    assert page.xpath("//meta[@name='robots']/@content") == ["noindex"]
    tellings = page.xpath("//li[@class='telling']")
    assert len(tellings) >= 2
    for telling in tellings:
        (ours,) = telling.xpath(".//h2/a/@href")
        assert client.get(ours).status_code == 200
        assert telling.xpath(".//p[@class='view']/a/@href")[0].startswith("https://press.example/")
        assert telling.xpath(".//time/@datetime")
    assert "sources" in page.xpath("string(//header[@class='page-head'])")


def test_an_article_leads_to_its_story_where_others_tell_it_too(portal: Portal, client: FlaskClient) -> None:
    story = find_story(portal, "en/world", "Bridge number 200 opens")
    page = read_page(client, f"/story/{story}")
    for path in page.xpath("//li[@class='telling']//h2/a/@href"):
        assert read_page(client, path).xpath(f"//a[@href='/story/{story}']")
    alone = find_story(portal, "en/world", HOSTILE_TITLE)
    (path,) = read_page(client, f"/story/{alone}").xpath("//li[@class='telling']//h2/a/@href")
    assert not read_page(client, path).xpath("//a[starts-with(@href, '/story/')]")


def test_a_changed_headline_is_told_as_text(portal: Portal, client: FlaskClient) -> None:
    edited = replace(HOSTILE, title="A kraken was seen", updated_at=HOSTILE.updated_at + timedelta(hours=1))
    save_feed(portal.store, portal.settings, "wire", [make_item(200, guid="wire-200"), edited])
    try:
        page = read_page(client, f"/story/{find_story(portal, 'en/world', 'A kraken was seen')}")
        (was,) = page.xpath("//p[@class='was']")
        assert was.text_content() == f"was: {HOSTILE_TITLE}"
    finally:
        save_feed(portal.store, portal.settings, "wire", [make_item(200, guid="wire-200"), HOSTILE])


def test_a_story_that_went_into_another_leads_there(portal: Portal, client: FlaskClient) -> None:
    story = find_story(portal, "en/world", "Bridge number 200 opens")
    number = decode_id(story)
    assert number is not None
    with portal.store.write() as tx:
        stories.redirect_story(tx, 5, number)
    answer = client.get(f"/story/{encode_id(5)}")
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/story/{story}")
    assert client.get(f"/story/{encode_id(6)}").status_code == 404
    assert client.get("/story/none").status_code == 404


# --- days -----------------------------------------------------------------------------------------


def test_a_day_lists_its_articles_by_section(client: FlaskClient) -> None:
    answer = client.get("/ar/2026/11/20/")
    assert answer.headers["Cache-Control"].startswith("public, max-age=86400")
    page = html.document_fromstring(answer.get_data(as_text=True))
    assert [" ".join(h.text_content().split()) for h in page.xpath("//main//h2")] == ["رياضة", "ليبيا"]
    assert len(page.xpath("//main//a[starts-with(@href, '/article/')]")) == 67
    assert page.xpath("//link[@rel='canonical']/@href") == ["https://news.example/ar/2026/11/20/"]
    assert "67 خبرًا" in page.text_content()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/ar/2026/11/19/", 404, id="before the first article"),
        pytest.param("/ar/2026/11/21/", 200, id="a day without any, later"),
        pytest.param("/ar/9000/01/01/", 404, id="the future"),
        pytest.param("/ar/2026/02/30/", 404, id="no day"),
        pytest.param("/ar/2026/1/1/", 404, id="another spelling"),
        pytest.param("/ar/2026/11/20/page/2/", 404, id="no such page"),
        pytest.param("/ar/2026/11/20/page/1/", 301, id="the first page has no number"),
        pytest.param("/fr/2026/11/20/", 404, id="no such edition"),
        pytest.param("/ar/0001/01/01/", 404, id="the first day of all"),
        pytest.param("/ar/9999/12/31/", 404, id="the last"),
    ],
)
def test_which_days_there_are(client: FlaskClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_an_empty_day_leads_back(client: FlaskClient) -> None:
    page = read_page(client, "/en/2026/11/22/")
    assert page.xpath("//nav[@class='pager']/a/@href") == ["/en/2026/11/20/"]
    assert page.xpath("//link[@rel='prev']/@href") == ["/en/2026/11/20/"]
    assert "Nothing was published on this day." in page.text_content()


# --- about ----------------------------------------------------------------------------------------


def test_the_page_about_us_lists_the_sources_of_the_edition(client: FlaskClient) -> None:
    page = read_page(client, "/ar/about/")
    names = [" ".join(name.text_content().split()) for name in page.xpath("//main//h3")]
    assert names == ["Outlet madar", "Outlet sahel"]
    assert page.xpath("//a[@href='/feeds/source/madar.rss']")
    text = re.sub(r"\s+", " ", page.xpath("string(//main)"))
    assert "65 خبرًا" in text
    assert "source:madar" in text
    assert page.xpath("//main//a[@href='/ar/2026/11/20/']")
