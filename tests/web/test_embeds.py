"""Boxes, their builder and oEmbed at their addresses."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import replace
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from lxml import etree, html

from aggregator.store import articles
from aggregator.web import create_app
from tests.site_samples import Portal

# What partners have pinned. Whoever changes the script publishes it as v2.js and leaves v1.js as it is.
V1_HASH = "sha384-8Te6Hj5WzayZHDzzYkltiU8s7Oa843jdUccKGGtSiZu0/ApbXtI06yMFA9dREuz7"
FORMS = ["", ".fit", ".json", ".html"]


@pytest.fixture(scope="module")
def article_id(portal: Portal) -> str:
    with portal.store.read() as tx:
        return articles.list_articles(tx, "en/world", limit=1)[0].id


def titles(text: str) -> list[str]:
    page = html.document_fromstring(text)
    return [link.text for link in page.xpath("//a[@class='ne-headline']")]


# --- boxes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/embed/ar/sports", "/embed/ar/all", "/embed/en/world", "/embed/en/all"])
def test_all_forms_of_a_box_show_the_same_articles(client: FlaskClient, path: str) -> None:
    shown = [titles(client.get(f"{path}{form}?n=3").get_data(as_text=True)) for form in ("", ".fit", ".html")]
    items = json.loads(client.get(f"{path}.json?n=3").data)["items"]
    assert len(items) == 3
    assert shown == [[item["title"] for item in items]] * 3


def test_a_box_of_one_source_shows_what_its_feed_shows_first(client: FlaskClient) -> None:
    items = json.loads(client.get("/embed/ar/sports.json?n=5").data)["items"]
    feed = json.loads(client.get("/feeds/ar/sports.json").data)["items"]
    assert [(i["id"], i["url"], i["title"]) for i in items] == [
        (i["id"], i["url"], i["title"]) for i in feed[:5]
    ]


@pytest.mark.parametrize(
    ("form", "kind", "cors"),
    [
        ("", "text/html", None),
        (".fit", "text/html", None),
        (".html", "text/html", "*"),
        (".json", "application/json", "*"),
    ],
)
def test_a_box_is_cached_and_shared(client: FlaskClient, form: str, kind: str, cors: str | None) -> None:
    answer = client.get(f"/embed/en/world{form}")
    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert answer.headers["Cache-Control"].startswith("public, max-age=300")
    assert answer.headers.get("Access-Control-Allow-Origin") == cors
    assert "Set-Cookie" not in answer.headers
    tag = {"If-None-Match": answer.headers["ETag"]}
    known = client.get(f"/embed/en/world{form}", headers=tag)
    assert known.status_code == 304
    policies = {a.headers["Content-Security-Policy"] for a in (answer, known)}
    assert len(policies) == 1


@pytest.mark.parametrize(
    ("allow", "policy", "sizing"),
    [
        pytest.param(None, "frame-ancestors *", "allow-origins=*", id="not configured: everybody"),
        pytest.param("[]", "frame-ancestors 'self'", None, id="nobody"),
        pytest.param(
            '["https://a.example", "https://b.example:8443"]',
            "frame-ancestors 'self' https://a.example https://b.example:8443",
            "allow-origins=https://a.example https://b.example:8443",
            id="two sites",
        ),
    ],
)
def test_the_admin_says_who_may_frame_a_box(
    portal: Portal, allow: str | None, policy: str, sizing: str | None
) -> None:
    origins = {None: ("*",), "[]": ()}.get(allow) or tuple(json.loads(allow or "[]"))
    assert allow is not None or portal.settings.embed_allow == ("*",)
    client = create_app(replace(portal.settings, embed_allow=origins), portal.store).test_client()
    for path in ("/embed/en/world", "/embed/en/world.fit", "/embed/en/world?n=0"):
        assert client.get(path).headers["Content-Security-Policy"].split("; ")[-1] == policy
    page = html.document_fromstring(client.get("/embed/en/world").get_data(as_text=True))
    metas = page.xpath("//meta[@name='responsive-embedded-sizing']/@content")
    assert metas == ([sizing] if sizing else [])
    for path in ("/en/", "/embed/", "/feeds/", "/oembed"):
        assert client.get(path).headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_parameter_is_400_in_plain_words(client: FlaskClient, form: str) -> None:
    answer = client.get(f"/embed/en/world{form}?n=99")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_data(as_text=True) == 'n is "99"; it may be a whole number from 1 to 50\n'


def test_queries_that_mean_the_same_are_one_document(client: FlaskClient) -> None:
    queries = ["", "n=10", "n=&theme=auto", "lang=en&dir=ltr", "images=no&n=10"]
    assert len({client.get(f"/embed/en/world?{query}").headers["ETag"] for query in queries}) == 1
    assert client.get("/embed/en/world.json?theme=dark&accent=c30").data == (
        client.get("/embed/en/world.json").data
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_former_id_leads_to_the_present_one_with_its_query(client: FlaskClient, form: str) -> None:
    answer = client.get(f"/embed/ar/games{form}?n=3&theme=dark")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"/embed/ar/sports{form}?n=3&theme=dark"


@pytest.mark.parametrize(
    "path",
    [
        "/embed/fr/world",
        "/embed/en/sports",
        "/embed/en/world.xml",
        "/embed/en/world.json.json",
        "/embed/en/",
        "/embed/article/",
        "/embed/article/aaaaaaaaaaaaa",
        "/embed/article/x.json",
        "/embed/v2.js",
        "/embed/en/world/x",
        "/oembed/",
    ],
)
def test_anything_else_is_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_no_more_is_shown_than_the_sources_allow(client: FlaskClient) -> None:
    for form in FORMS:
        text = client.get(f"/embed/ar/libya{form}").get_data(as_text=True)
        assert "افتتاح الجسر 101" in text
        assert "a loaded donkey" not in text
        assert "stones, says the mayor" not in text


def test_an_article_is_a_box_too(client: FlaskClient, article_id: str) -> None:
    for form in FORMS:
        answer = client.get(f"/embed/article/{article_id}{form}?lang=en")
        assert answer.status_code == 200
        assert "Bridge number 202 opens" in answer.get_data(as_text=True)


# --- the script -----------------------------------------------------------------------------------


def test_the_script_is_there_for_good_and_its_hash_is_printed(client: FlaskClient) -> None:
    answer = client.get("/embed/v1.js")
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Access-Control-Allow-Origin"] == "*", "integrity wants CORS"
    integrity = f"sha384-{b64encode(hashlib.sha384(answer.data).digest()).decode()}"
    assert integrity == V1_HASH
    page = html.document_fromstring(client.get("/embed/").get_data(as_text=True))
    assert f'integrity="{integrity}"' in page.text_content()


# --- the builder ----------------------------------------------------------------------------------


def read_builder(client: FlaskClient, query: str, status: int = 200) -> html.HtmlElement:
    answer = client.get(f"/embed/?{query}")
    assert answer.status_code == status
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    return html.document_fromstring(answer.get_data(as_text=True))


def test_the_form_of_the_builder_shows_what_was_chosen(client: FlaskClient) -> None:
    query = "ui=en&section=ar/sports&n=5&theme=dark&lang=en&dir=rtl&images=1&accent=%23cc3300"
    page = read_builder(client, query)
    (form,) = page.xpath("//main//form")
    assert dict(form.form_values()) == {
        "ui": "en",
        "section": "ar/sports",
        "n": "5",
        "theme": "dark",
        "lang": "en",
        "dir": "rtl",
        "images": "1",
        "accent": "#cc3300",
    }
    wanted = "/embed/ar/sports?n=5&theme=dark&lang=en&dir=rtl&images=1&accent=c30"
    assert page.xpath("//iframe/@src") == [wanted]
    assert client.get(wanted).status_code == 200


def test_an_untouched_form_asks_for_the_defaults(client: FlaskClient) -> None:
    values = read_builder(client, "").forms[0].form_values()
    query = "&".join(f"{name}={quote(value)}" for name, value in values)
    assert read_builder(client, query).xpath("//iframe/@src") == ["/embed/ar/all"]


@pytest.mark.parametrize(("ui", "lang"), [("", "ar-LY"), ("ar", "ar-LY"), ("en", "en-GB"), ("xx", "ar-LY")])
def test_the_builder_speaks_every_edition(client: FlaskClient, ui: str, lang: str) -> None:
    page = read_builder(client, f"ui={ui}")
    assert page.get("lang") == lang
    assert len(page.xpath("//h1")) == 1
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {*page.xpath("//@aria-labelledby")} <= set(ids)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("n=0", 'n is "0"'),
        ("section=ar/none", 'there is no section "ar/none"'),
        ("section=<script>", 'there is no section "<script>"'),
        ("colour=red", 'there is no parameter "colour"'),
    ],
)
def test_the_builder_says_what_is_wrong_and_stays_usable(
    client: FlaskClient, query: str, message: str
) -> None:
    page = read_builder(client, query, status=400)
    assert message in page.xpath("string(//*[@role='alert'])")
    assert page.xpath("//iframe/@src")[0].startswith("/embed/")
    assert page.xpath("//script/@src") == ["/static/site.js"]
    assert page.xpath("//script[not(@src)]") == []


# --- oEmbed ---------------------------------------------------------------------------------------


def ask_oembed(client: FlaskClient, url: str, more: str = "") -> dict[str, str | int]:
    answer = client.get(f"/oembed?url={quote(url, safe='')}{more}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return json.loads(answer.data)


@pytest.mark.parametrize(
    ("page", "title", "path"),
    [
        ("/", "بوابة الأنباء", "/embed/ar/all.fit"),
        ("/en/", "بوابة الأنباء", "/embed/en/all.fit"),
        ("/ar/s/sports/", "رياضة", "/embed/ar/sports.fit"),
        ("/ar/s/sport/", "رياضة", "/embed/ar/sports.fit"),
        ("/ar/s/sports/page/2/", "رياضة", "/embed/ar/sports.fit"),
        ("/en/s/world/?utm_source=x#top", "World", "/embed/en/world.fit"),
    ],
)
def test_a_page_can_be_embedded(client: FlaskClient, page: str, title: str, path: str) -> None:
    said = ask_oembed(client, f"https://news.example{page}")
    assert said["title"] == title
    (frame,) = html.fragments_fromstring(str(said["html"]))
    assert frame.get("src") == f"https://news.example{path}"
    assert client.get(path).status_code == 200


def test_an_article_can_be_embedded_in_its_own_language(client: FlaskClient, article_id: str) -> None:
    said = ask_oembed(client, f"http://NEWS.example/article/{article_id}")
    assert said["title"] == "Bridge number 202 opens"
    assert f"/embed/article/{article_id}.fit?lang=en" in str(said["html"])


@pytest.mark.parametrize("page", ["/en/", "/ar/s/sports/", "/ar/s/sports/page/2/", "article"])
def test_pages_name_their_answer(client: FlaskClient, article_id: str, page: str) -> None:
    path = f"/article/{article_id}" if page == "article" else page
    found = html.document_fromstring(client.get(path).get_data(as_text=True))
    (href,) = found.xpath("//head/link[@type='application/json+oembed']/@href")
    answer = client.get(href.removeprefix("https://news.example"))
    assert answer.status_code == 200
    assert json.loads(answer.data)["type"] == "rich"


@pytest.mark.parametrize(
    ("more", "width", "most"),
    [("", 600, 2000), ("&maxwidth=300", 300, 2000), ("&maxheight=400", 600, 400), ("&maxheight=40", 600, 40)],
)
def test_no_answer_is_larger_than_allowed(client: FlaskClient, more: str, width: int, most: int) -> None:
    said = ask_oembed(client, "https://news.example/ar/s/sports/", f"{more}&dnt=1")
    assert said["width"] == width
    assert int(said["height"]) <= most


def test_xml_is_spoken_too(client: FlaskClient) -> None:
    answer = client.get("/oembed?format=xml&url=https://news.example/en/s/world/")
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert etree.fromstring(answer.data).findtext("title") == "World"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("url=", 400),
        ("url=https://evil.example/ar/", 400),
        ("url=https://news.example.evil.example/ar/", 400),
        ("url=https://news.example@evil.example/ar/", 400),
        ("url=javascript:alert(1)", 400),
        ("url=//news.example/ar/", 400),
        ("url=https://[news.example/", 400),
        ("url=https://news.example/ar/&maxwidth=0", 400),
        ("url=https://news.example/ar/&maxheight=big", 400),
        ("url=https://news.example/ar/&format=yaml", 501),
        ("url=https://news.example/fr/", 404),
        ("url=https://news.example/ar/s/none/", 404),
        ("url=https://news.example/article/none", 404),
        ("url=https://news.example/healthz", 404),
        ("url=https://news.example/ar/../en/", 404),
    ],
)
def test_what_is_no_page_of_ours_is_refused_in_plain_words(
    client: FlaskClient, query: str, status: int
) -> None:
    answer = client.get(f"/oembed?{query}")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "evil" not in answer.get_data(as_text=True)
