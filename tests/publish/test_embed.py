"""Boxes for partner sites: what may be asked of them, and what stands in each of their forms."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from itertools import product
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html

from aggregator.errors import BadParameter
from aggregator.model import Article, Edition, Image
from aggregator.publish import builder, embed, oembed
from aggregator.publish.embed import Box, EmbedOptions
from aggregator.publish.templates import find_templates, make_environment
from tests.publish.page_samples import (
    AR,
    EN,
    HOSTILE_TITLE,
    PICTURE,
    SITE,
    make_article,
    make_bare,
    parse_page,
)

LANGUAGES = embed.list_languages(SITE)
SPORTS_BOX = Box(
    path="ar/sports",
    title="رياضة",
    home_path="/ar/s/sports/",
    feed_path="/feeds/ar/sports.rss",
    edition=AR,
)
ARTICLE_BOX = replace(SPORTS_BOX, path="article/a1", title=SITE.title, home_path="/ar/", feed_path=None)
DEFAULTS = {"n": 10, "theme": "auto", "language": AR, "dir": "rtl", "images": False, "accent": None}


def parse(query: str) -> EmbedOptions:
    return embed.parse_options(parse_qsl(query, keep_blank_values=True), edition=AR, languages=LANGUAGES)


def render(
    *articles: Article, query: str = "", box: Box = SPORTS_BOX, site: Any = SITE, fit: bool = False
) -> str:
    options = parse(query)
    return embed.render_document(
        make_environment(options.language),
        site=site,
        box=box,
        options=options,
        articles=articles,
        ancestors=("*",),
        fit=fit,
    )


def render_fragment(*articles: Article, query: str = "") -> str:
    options = parse(query)
    env = make_environment(options.language)
    return embed.render_fragment(env, site=SITE, box=SPORTS_BOX, options=options, articles=articles)


# --- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "changed"),
    [
        pytest.param("", {}, id="nothing asked"),
        pytest.param("n=&theme=&lang=&dir=&images=&accent=", {}, id="nothing in any of them"),
        pytest.param("n=1", {"n": 1}, id="one article"),
        pytest.param("n=50", {"n": 50}, id="the most"),
        pytest.param("n=%207%20", {"n": 7}, id="blanks around a value"),
        pytest.param("theme=dark", {"theme": "dark"}, id="dark"),
        pytest.param("theme=light", {"theme": "light"}, id="light"),
        pytest.param("lang=en", {"language": EN, "dir": "ltr"}, id="a language brings its direction"),
        pytest.param("lang=en&dir=rtl", {"language": EN, "dir": "rtl"}, id="unless it is asked for another"),
        pytest.param("dir=ltr", {"dir": "ltr"}, id="Arabic from the left"),
        pytest.param("images=1", {"images": True}, id="images"),
        pytest.param("images=true", {"images": True}, id="images in words"),
        pytest.param("images=0", {}, id="no images"),
        pytest.param("images=none", {}, id="no images in words"),
        pytest.param("accent=%23CC3300", {"accent": "c30"}, id="six digits with their sign"),
        pytest.param("accent=c30", {"accent": "c30"}, id="three digits"),
        pytest.param("accent=e9a53a", {"accent": "ea3"}, id="a colour is rounded"),
        pytest.param("accent=ffffff", {"accent": "fff"}, id="white"),
    ],
)
def test_a_query_is_understood(query: str, changed: dict[str, object]) -> None:
    assert parse(query) == EmbedOptions(**(DEFAULTS | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("n=0", 'n is "0"; it may be a whole number from 1 to 50'),
        ("n=51", 'n is "51"; it may be a whole number from 1 to 50'),
        ("n=-1", 'n is "-1"; it may be a whole number from 1 to 50'),
        ("n=1.5", 'n is "1.5"; it may be a whole number from 1 to 50'),
        ("n=٣", 'n is "٣"; it may be a whole number from 1 to 50'),
        ("n=" + "9" * 99, f'n is "{"9" * 40}"; it may be a whole number from 1 to 50'),
        ("theme=sepia", 'theme is "sepia"; it may be auto, light or dark'),
        ("theme=Dark", 'theme is "Dark"; it may be auto, light or dark'),
        ("lang=fr", 'lang is "fr"; it may be ar or en'),
        ("lang=../en", 'lang is "../en"; it may be ar or en'),
        ("dir=auto", 'dir is "auto"; it may be rtl or ltr'),
        ("images=2", 'images is "2"; it may be 1 or 0'),
        ("accent=red", 'accent is "red"; it may be a colour of 3 or 6 hexadecimal digits: c30'),
        ("accent=c3003", 'accent is "c3003"; it may be a colour of 3 or 6 hexadecimal digits: c30'),
        ("accent=c30;}", 'accent is "c30;}"; it may be a colour of 3 or 6 hexadecimal digits: c30'),
        ("accent=##c30", 'accent is "##c30"; it may be a colour of 3 or 6 hexadecimal digits: c30'),
        ("n=3&n=4", "n is given twice; once is enough"),
        ("colour=c30", 'there is no parameter "colour"; there are n, theme, lang, dir, images, accent'),
        ("N=3", 'there is no parameter "N"; there are n, theme, lang, dir, images, accent'),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(query: str, message: str) -> None:
    with pytest.raises(BadParameter) as caught:
        parse(query)
    assert str(caught.value) == message


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "n": st.integers(1, 50).map(str),
            "theme": st.sampled_from(["auto", "light", "dark", ""]),
            "lang": st.sampled_from(["ar", "en", ""]),
            "dir": st.sampled_from(["rtl", "ltr", ""]),
            "images": st.sampled_from(["0", "1", "no", "yes", ""]),
            "accent": st.from_regex(r"\A#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z"),
        },
    )
)
def test_one_query_stands_for_all_that_mean_the_same(asked: dict[str, str]) -> None:
    options = embed.parse_options(list(asked.items()), edition=AR, languages=LANGUAGES)
    query = embed.render_query(options, edition=AR)
    assert parse(query) == options
    assert embed.render_query(parse(query), edition=AR) == query


def test_colours_have_4096_variants_and_none_is_far_from_what_was_asked() -> None:
    found = {parse(f"accent={level:02x}{level:02x}{level:02x}").accent for level in range(256)}
    assert len(found) == 16
    for level in range(256):
        digit = (parse(f"accent={level:02x}0000").accent or "")[0]
        assert abs(int(digit * 2, 16) - level) <= 8


@pytest.mark.parametrize(
    ("editions", "languages"),
    [
        ((AR, EN), [("ar", "ar-LY"), ("en", "en-GB")]),
        ((AR,), [("ar", "ar-LY"), ("en", "en")]),
        ((Edition(id="sw", locale="sw-KE", dir="ltr"),), [("sw", "sw-KE"), ("ar", "ar"), ("en", "en")]),
    ],
)
def test_a_box_speaks_the_languages_of_the_site_and_arabic_and_english(
    editions: tuple[Edition, ...], languages: list[tuple[str, str]]
) -> None:
    found = embed.list_languages(replace(SITE, editions=editions))
    assert [(language.id, language.locale) for language in found] == languages


# --- the document ---------------------------------------------------------------------------------


def test_a_headline_leads_to_its_publisher_in_a_window_of_its_own() -> None:
    page = parse_page(render(make_article("a1")))
    (link,) = page.xpath("//a[@class='ne-headline']")
    assert link.get("href") == "https://s0.example/a1"
    assert (link.get("target"), link.get("rel")) == ("_blank", "noopener")
    assert page.xpath("string(//bdi[@class='ne-outlet'])") == "صحيفة s0"
    assert page.xpath("//time/@datetime") == ["2026-11-24T14:00:00+02:00"]


@pytest.mark.parametrize("url", [None, "javascript:alert(1)", "data:text/html,x"])
def test_without_a_web_address_it_leads_to_our_page(url: str | None) -> None:
    page = parse_page(render(replace(make_article("a1"), url=url)))
    assert page.xpath("//a[@class='ne-headline']/@href") == ["https://news.example/article/a1"]


def test_a_document_has_no_script_no_inline_style_and_loads_nothing() -> None:
    page = parse_page(render(make_article(image=PICTURE)))
    assert page.xpath("//script | //@style | //img | //link | //iframe") == []
    assert [a for a in page.xpath("//@*") if a.attrname.startswith("on")] == []


def test_a_document_that_tells_its_height_knows_our_pages_too() -> None:
    page = parse_page(render(make_article("a1"), fit=True))
    assert len(page.xpath("//script")) == 1
    assert page.xpath("//a[@class='ne-headline']/@data-page") == ["https://news.example/article/a1"]
    assert parse_page(render(make_article("a1"))).xpath("//@data-page") == []


def test_images_are_lazy_sized_and_tell_nobody_where_they_are_shown() -> None:
    (image,) = parse_page(render(make_article(image=PICTURE), query="images=1")).xpath("//img")
    wanted = {"loading": "lazy", "referrerpolicy": "no-referrer", "width": "72", "height": "72", "alt": ""}
    assert {name: image.get(name) for name in wanted} == wanted
    assert image.get("src") == PICTURE.url


@pytest.mark.parametrize("what", ["the site shows none", "it is no web address"])
def test_no_image_is_shown_where(what: str) -> None:
    site = replace(SITE, images=what != "the site shows none")
    image = PICTURE if site.images is False else Image(url="javascript:x", alt="", width=1, height=1)
    page = parse_page(render(make_article(image=image), query="images=1", site=site))
    assert page.xpath("//img") == []


def test_every_item_says_its_own_language_and_direction() -> None:
    unknown = replace(make_article("c"), lang="und", dir="ltr")
    page = parse_page(
        render(make_article("a"), make_article("b", lang="en"), unknown, query="lang=en&dir=rtl")
    )
    assert (page.get("lang"), page.get("dir")) == ("en-GB", "rtl")
    links = page.xpath("//a[@class='ne-headline']")
    assert [(a.get("lang"), a.get("dir")) for a in links] == [("ar", "rtl"), ("en", "ltr"), ("", "ltr")]


@pytest.mark.parametrize(("query", "words"), [("", "مصدران"), ("lang=en", "2 sources")])
def test_our_words_are_in_the_language_that_was_asked_for(query: str, words: str) -> None:
    page = parse_page(render(make_article(sources=2), query=query))
    assert page.xpath("string(//*[@class='ne-more'])") == words


def test_an_empty_section_says_so() -> None:
    assert "There is nothing in this section" in render(query="lang=en")


def test_an_article_shows_as_much_of_its_text_as_its_source_allows() -> None:
    assert "مقتطف من الخبر" in render(make_article("a1"), box=ARTICLE_BOX)
    assert 'ne-excerpt"' not in render(make_bare(make_article("a1")), box=ARTICLE_BOX)
    assert "مقتطف من الخبر" not in render(make_article("a1")), "a list shows headlines"


@pytest.mark.parametrize("fit", [False, True])
def test_a_hostile_text_is_inert(fit: bool) -> None:
    article = replace(
        make_article(title=HOSTILE_TITLE),
        excerpt=HOSTILE_TITLE,
        url='https://s0.example/"><script>x</script>',
        lang='"><script>',
    )
    article = replace(article, origin=replace(article.origin, name=HOSTILE_TITLE))
    box = replace(SPORTS_BOX, title=HOSTILE_TITLE)
    page = parse_page(render(article, box=box, fit=fit))
    assert len(page.xpath("//script")) == int(fit)
    assert page.xpath("string(//a[@class='ne-headline'])") == HOSTILE_TITLE
    assert [a for a in page.xpath("//@*") if a.attrname.startswith("on")] == []


# --- the policy -----------------------------------------------------------------------------------


def read_policy(query: str = "", *, ancestors: tuple[str, ...] = ("*",), fit: bool = False) -> dict[str, str]:
    options = parse(query)
    env = make_environment(options.language)
    policy = embed.render_policy(env, options, site=SITE, ancestors=ancestors, fit=fit)
    return dict(part.split(" ", 1) for part in policy.split("; "))


@pytest.mark.parametrize("fit", [False, True])
@pytest.mark.parametrize("query", ["", "accent=c30&theme=dark", "images=1&lang=en"])
def test_the_policy_lets_in_the_style_and_script_of_the_document_and_no_other(query: str, fit: bool) -> None:
    page, policy = parse_page(render(make_article(), query=query, fit=fit)), read_policy(query, fit=fit)

    def hash_of(tag: str) -> str | None:
        texts = [element.text for element in page.iter(tag)]
        return f"'sha256-{b64encode(sha256(texts[0].encode()).digest()).decode()}'" if texts else None

    assert policy["style-src"] == hash_of("style")
    assert policy.get("script-src") == hash_of("script")
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["img-src"] == ("https: http:" if "images=1" in query else "'none'")


@pytest.mark.parametrize(
    ("allow", "framers"),
    [
        (("*",), "*"),
        ((), "'self'"),
        (("https://a.example", "http://b.example:81"), "'self' https://a.example http://b.example:81"),
    ],
)
def test_who_may_frame_a_box(allow: tuple[str, ...], framers: str) -> None:
    assert read_policy(ancestors=allow)["frame-ancestors"] == framers


# --- other forms ----------------------------------------------------------------------------------


def test_a_fragment_has_no_script_and_styles_nothing_but_itself() -> None:
    text = render_fragment(make_article(title=HOSTILE_TITLE), query="accent=c30")
    (section,) = html.fragments_fromstring(text.strip())
    assert section.tag == "section"
    assert section.xpath(".//script | .//@style | .//@target") == []
    css = re.sub(r"@media[^{]*\{(.*?\})\s*\}", r"\1", section.xpath("string(.//style)"), flags=re.DOTALL)
    selectors = [s.strip() for rule in re.findall(r"([^{}]+)\{", css) for s in rule.split(",")]
    assert len(selectors) > 10
    assert [s for s in selectors if not s.startswith(".news-embed")] == []


def test_json_says_all_that_may_be_known() -> None:
    article = make_article("a1", sources=3, image=PICTURE)
    document = json.loads(embed.render_box_json(SITE, SPORTS_BOX, [article]))
    assert document == {
        "title": "رياضة",
        "home_page_url": "https://news.example/ar/s/sports/",
        "feed_url": "https://news.example/feeds/ar/sports.rss",
        "language": "ar-LY",
        "dir": "rtl",
        "items": [
            {
                "id": "tag:news.example,2026:a1",
                "title": "خبر رقم a1",
                "url": "https://s0.example/a1",
                "outlet": "صحيفة s0",
                "published": "2026-11-24T12:00:00Z",
                "updated": "2026-11-24T12:00:00Z",
                "language": "ar",
                "dir": "rtl",
                "summary": "مقتطف من الخبر",
                "image": {"url": PICTURE.url, "width": 800, "height": 450, "alt": "الملعب"},
                "sources": 3,
            }
        ],
    }


def test_json_leaves_out_what_there_is_not() -> None:
    (item,) = json.loads(embed.render_box_json(SITE, SPORTS_BOX, [make_bare(make_article("a1"))]))["items"]
    assert not {"summary", "image"} & set(item)
    assert item["url"] == "https://news.example/article/a1"


def test_the_same_values_give_the_same_bytes() -> None:
    assert render(make_article(), fit=True) == render(make_article(), fit=True)


def test_the_style_of_a_box_knows_neither_left_nor_right_and_loads_nothing() -> None:
    css = (find_templates() / "embed/box.css").read_text("utf-8")
    assert not re.search(r"(?:left|right|top|bottom|width|height)\s*:", css.replace("line-height", ""))
    assert not re.search(r"@import|@font-face|url\(", css)


def test_text_contrasts_with_its_ground_in_both_themes() -> None:
    """WCAG 2.2, 1.4.3; the accent is no ground and no ink, so that no colour of a partner can break it."""
    css = (find_templates() / "embed/box.css").read_text("utf-8")
    for block in re.findall(r"\{ (--ne-paper[^}]*)\}", css):
        colours = dict(re.findall(r"--ne-(\w+): (#\w+)", block))
        for ink in ("ink", "quiet", "link"):
            assert contrast(colours[ink], colours["paper"]) >= 4.5
    used = re.findall(r"([\w-]+): [^;{}]*var\(--ne-accent\)", css)
    assert set(used) == {"border-block-start", "text-decoration-color", "outline"}


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        code = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
        channels = [int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


# --- codes and oEmbed -----------------------------------------------------------------------------


def test_the_codes_of_the_builder_are_html_that_says_what_was_chosen() -> None:
    box = replace(SPORTS_BOX, title='رياضة "><script>')
    codes = builder.make_codes(SITE, box, parse("n=5&theme=dark"), integrity="sha384-x")
    (frame,) = html.fragments_fromstring(codes.frame)
    assert frame.get("src") == "https://news.example/embed/ar/sports?n=5&theme=dark"
    assert frame.get("title") == f"{box.title} – {SITE.title}"
    assert frame.get("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
    element, script = html.fragments_fromstring(codes.element)
    assert element.get("src") == frame.get("src")
    assert element.xpath("a/@href") == ["https://news.example/ar/s/sports/"]
    assert (script.get("integrity"), script.get("crossorigin")) == ("sha384-x", "anonymous")
    assert codes.include == '<!--#include virtual="/embed/ar/sports.html?n=5&theme=dark" -->'
    assert codes.json_url == "https://news.example/embed/ar/sports.json?n=5"
    assert codes.feed_url == "https://news.example/feeds/ar/sports.rss"


def test_a_frame_is_higher_the_more_it_shows() -> None:
    heights = [embed.frame_height(SPORTS_BOX, parse(f"n={n}&images=1")) for n in (1, 10, 50)]
    assert heights == sorted(set(heights))
    for height in range(1, 2000, 7):
        count = embed.fit_count(height)
        assert 1 <= count <= 10
        assert count == 1 or embed.frame_height(SPORTS_BOX, parse(f"n={count}")) <= height


RICH = oembed.Rich(
    title=HOSTILE_TITLE,
    provider_name="بوابة & co",
    provider_url="https://news.example/",
    src="https://news.example/embed/ar/sports.fit?n=3&lang=en",
    frame_title=HOSTILE_TITLE,
    width=600,
    height=300,
    cache_age=300,
)


def test_both_formats_of_oembed_say_the_same() -> None:
    said = json.loads(oembed.render_oembed_json(RICH))
    root = etree.fromstring(oembed.render_oembed_xml(RICH))
    assert root.tag == "oembed"
    assert {child.tag: child.text for child in root} == {name: str(value) for name, value in said.items()}
    assert said["title"] == HOSTILE_TITLE
    assert (said["version"], said["type"], said["width"], said["height"]) == ("1.0", "rich", 600, 300)


def test_the_html_of_oembed_is_what_wordpress_lets_through() -> None:
    """wp_filter_oembed_result: one iframe, empty, and of its attributes only these."""
    text = json.loads(oembed.render_oembed_json(RICH))["html"]
    assert re.fullmatch(r"<iframe [^<>]*></iframe>", text)
    (frame,) = html.fragments_fromstring(text)
    assert set(frame.attrib) <= {"src", "width", "height", "frameborder", "scrolling", "title"}
    assert frame.get("src") == RICH.src
    assert frame.get("title") == HOSTILE_TITLE


@pytest.mark.parametrize(
    ("wanted", "allowed", "given"),
    [(600, None, 600), (600, 900, 600), (600, 600, 600), (600, 599, 580), (600, 240, 240), (600, 7, 1)],
)
def test_no_size_exceeds_what_is_allowed(wanted: int, allowed: int | None, given: int) -> None:
    assert oembed.fit_size(wanted, allowed) == given


def test_there_are_few_answers_for_one_page() -> None:
    assert len({oembed.fit_size(600, width) for width in range(1, 5000)}) <= 31


def test_every_theme_and_language_renders() -> None:
    for theme, language, images in product(embed.THEMES, ("ar", "en"), "01"):
        page = parse_page(render(make_article(), query=f"theme={theme}&lang={language}&images={images}"))
        assert page.xpath(f"//section[contains(@class, 'ne-{theme}')]")
