"""The words, dates, digits and paths of pages, and the style sheet behind them."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
import pytest
from babel import UnknownLocaleError
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from aggregator.model import Edition
from aggregator.publish.templates import (
    article_path,
    feed_path,
    find_templates,
    front_path,
    is_weblink,
    language_names,
    make_environment,
    section_path,
)
from tests.publish.page_samples import AR, EN, NOON, SITE, SPORTS, make_article

STATIC = Path(__file__).parents[2] / "aggregator" / "web" / "static"
EXTRACT_OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}


def render(source: str, edition: Edition = AR, **context: object) -> str:
    return make_environment(edition).from_string(source).render({"site": SITE, "edition": edition} | context)


def list_texts() -> list[str | tuple[str, ...]]:
    """Those of the templates, and what feeds say to people: `say("...")`."""
    found = extract_from_dir(
        find_templates(),
        method_map=[("**.html", "jinja2.ext:babel_extract"), ("**.txt", "jinja2.ext:babel_extract")],
        options_map={"**.html": EXTRACT_OPTIONS, "**.txt": EXTRACT_OPTIONS},
    )
    said = extract_from_dir(STATIC.parents[1], method_map=[("**.py", "python")], keywords={"say": None})
    return [message for _, _, message, _, _ in (*found, *said)]


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["ar", "en", "fr"])
def test_every_text_of_the_templates_has_its_translation(language: str) -> None:
    with (find_templates() / "locale" / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    texts = list_texts()
    assert len(texts) > 30
    missing = []
    for text in texts:
        message = catalogue.get(text if isinstance(text, str) else text[0])
        strings = [] if message is None else [message.string] if isinstance(text, str) else message.string
        if not strings or not all(strings):
            missing.append(text)
    assert missing == []
    used = {text if isinstance(text, str) else text[0] for text in texts}
    ids = {m.id if isinstance(m.id, str) else m.id[0] for m in catalogue if m.id}
    assert ids - used == set(), "translations of texts that no template has"


@pytest.mark.parametrize("language", ["ar", "fr"])
def test_a_translation_keeps_the_placeholders_of_its_text(language: str) -> None:
    with (find_templates() / "locale" / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    for message in catalogue:
        if isinstance(message.id, str) and message.id:
            assert set(re.findall(r"%\(\w+\)s", message.id)) == set(re.findall(r"%\(\w+\)s", message.string))


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "لا أخبار"),
        (1, "خبر واحد"),
        (2, "خبران"),
        (3, "3 أخبار"),
        (10, "10 أخبار"),
        (11, "11 خبرًا"),
        (99, "99 خبرًا"),
        (100, "100 خبر"),
        (102, "102 خبر"),
        (103, "103 أخبار"),
    ],
)
def test_arabic_counts_in_six_forms(count: int, words: str) -> None:
    source = "{% trans count=k, n=k|digits %}{{ n }} story{% pluralize %}{{ n }} stories{% endtrans %}"
    assert render(source, k=count) == words


def test_a_language_without_a_catalogue_speaks_english() -> None:
    swahili = Edition(id="sw", locale="sw-KE", dir="ltr")
    assert render("{% trans %}Latest{% endtrans %}", swahili) == "Latest"


def test_a_region_that_cldr_does_not_know_falls_back_to_the_language() -> None:
    odd = Edition(id="ar", locale="ar-XX", dir="rtl")
    assert render("{% trans %}Latest{% endtrans %}", odd) == "آخر الأخبار"


def test_a_language_that_cldr_does_not_know_is_an_error() -> None:
    with pytest.raises(UnknownLocaleError):
        make_environment(Edition(id="xx", locale="xx-YY", dir="ltr"))


def test_a_name_that_nobody_gave_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("{{ nobody }}")


def test_text_is_escaped() -> None:
    assert render("{{ text }}", text="<b>&'\"") == "&lt;b&gt;&amp;&#39;&#34;"


# --- dates and digits -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edition", "source", "text"),
    [
        pytest.param(AR, "{{ at|day }}", "الثلاثاء، 24 نوفمبر 2026", id="a day with the months of Libya"),
        pytest.param(AR, "{{ at|clock }}", "2:00 م", id="a time where the site is"),
        pytest.param(AR, "{{ at|when(at) }}", "2:00 م", id="today needs no date"),
        pytest.param(AR, "{{ at|when(later) }}", "24 نوفمبر، 2:00 م", id="this year needs no year"),
        pytest.param(AR, "{{ at|when }}", "24 نوفمبر 2026، 2:00 م", id="no day to compare: all of it"),
        pytest.param(
            AR,
            "{{ at|moment }}",
            "الثلاثاء، 24 نوفمبر 2026، 2:00 م (توقيت شرق أوروبا الرسمي)",
            id="the zone in Arabic words",
        ),
        pytest.param(
            EN,
            "{{ at|moment }}",
            "Tuesday, 24 November 2026, 14:00 (Eastern European Standard Time)",
            id="the zone in English words",
        ),
        pytest.param(AR, "{{ at|iso }}", "2026-11-24T14:00:00+02:00", id="a machine's time keeps its digits"),
    ],
)
def test_dates_speak_the_edition(edition: Edition, source: str, text: str) -> None:
    assert render(source, edition, at=NOON, later=NOON + timedelta(days=2)) == text


def test_month_names_follow_the_country() -> None:
    january = datetime(2026, 1, 5, 12, tzinfo=UTC)
    algeria = Edition(id="ar", locale="ar-DZ", dir="rtl")
    assert "يناير" in render("{{ at|day }}", AR, at=january)
    assert "جانفي" in render("{{ at|day }}", algeria, at=january)


def test_the_day_is_that_of_the_site_not_of_utc() -> None:
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert "25" in render("{{ at|day }}", at=late)


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Asia/Riyadh"), timezone(timedelta(hours=3))], ids=str)
def test_any_kind_of_zone_has_words(zone: tzinfo) -> None:
    text = render("{{ at|zone }}", site=replace(SITE, timezone=zone), at=NOON)
    assert re.search("[؀-ۿ]{4}", text)


@pytest.mark.parametrize(
    ("locale", "digits", "text"),
    [
        ("ar-LY", None, "2026"),
        ("ar-EG", None, "٢٠٢٦"),
        ("fa-IR", None, "۲۰۲۶"),
        ("en-GB", None, "2026"),
        ("ar-LY", "arab", "٢٠٢٦"),
        ("ar-EG", "latn", "2026"),
        ("en-GB", "arab", "2026"),
        ("fa-IR", "arab", "۲۰۲۶"),
    ],
)
def test_digits_are_the_sites_or_the_locales(locale: str, digits: str | None, text: str) -> None:
    edition = Edition(id="x", locale=locale, dir="rtl")
    assert render("{{ 2026|digits }}", edition, site=replace(SITE, digits=digits)) == text


# --- paths and attributes -------------------------------------------------------------------------


def test_paths_are_those_of_the_design() -> None:
    assert front_path(AR) == "/ar/"
    assert section_path(SPORTS) == "/ar/s/sports/"
    assert section_path(SPORTS, 2) == "/ar/s/sports/page/2/"
    assert article_path(make_article("x/y?")) == "/article/x%2Fy%3F"
    assert feed_path(AR, SPORTS, "atom") == "/feeds/ar/sports.atom"
    assert feed_path(AR, None, "rss") == "/feeds/ar/all.rss"


@pytest.mark.parametrize(
    ("url", "web"),
    [
        ("https://a.example/", True),
        ("HTTP://a.example/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("/relative", False),
        ("//a.example/", False),
        (None, False),
    ],
)
def test_only_web_addresses_become_links(url: str | None, web: bool) -> None:
    assert is_weblink(url) is web


@pytest.mark.parametrize(
    ("lang", "direction", "attributes"),
    [
        pytest.param("ar-EG", "rtl", "", id="the page's own language, of another country"),
        pytest.param("en", "ltr", ' lang="en" dir="ltr"', id="another language and direction"),
        pytest.param("fa", "rtl", ' lang="fa"', id="another language of the same direction"),
        pytest.param("und", "rtl", "", id="unknown, and looking like the page"),
        pytest.param("und", "ltr", ' lang="" dir="ltr"', id="unknown, but not the page's"),
    ],
)
def test_an_item_says_only_what_differs_from_the_page(lang: str, direction: str, attributes: str) -> None:
    article = replace(make_article(), lang=lang, dir=direction)
    assert render("{{ item|unlike|xmlattr }}", item=article) == attributes


def test_an_edition_is_called_by_its_language_or_by_its_country_where_two_share_it() -> None:
    assert language_names((AR, EN)) == {"ar": "العربية", "en": "English"}
    egypt = Edition(id="eg", locale="ar-EG", dir="rtl")
    assert language_names((AR, egypt)) == {"ar": "العربية (ليبيا)", "eg": "العربية (مصر)"}


# --- the style sheets -----------------------------------------------------------------------------


def read_css(name: str) -> str:
    return re.sub(r"/\*.*?\*/", "", (STATIC / name).read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize(("name", "most_kb"), [("site.css", 15), ("site.js", 5)])
def test_what_every_page_loads_is_small(name: str, most_kb: int) -> None:
    assert len(gzip.compress((STATIC / name).read_bytes())) <= most_kb * 1024


@pytest.mark.parametrize("name", ["site.css", "feed.css", "feeds.css"])
def test_a_style_sheet_knows_neither_left_nor_right(name: str) -> None:
    sides = r"(?:margin-|padding-|border-)?(?:left|right|top|bottom)"
    sizes = r"(?:min-|max-)?(?:width|height)"
    assert re.findall(rf"[{{;\s](?:{sides}|{sizes}|float)\s*:", read_css(name)) == []
    assert not re.search(r"text-align:\s*(left|right|justify)", read_css(name))


@pytest.mark.parametrize("name", ["site.css", "feed.css", "feeds.css"])
def test_a_style_sheet_loads_nothing(name: str) -> None:
    assert not re.search(r"@import|@font-face|url\(", read_css(name))


def test_templates_hold_no_script_and_no_inline_style() -> None:
    ours = {
        "base.html": ['src="/static/site.js" defer', 'type="application/ld+json"'],
        "feeds.html": ['src="/static/feeds.js" defer'],
    }
    for path in find_templates().rglob("*.html"):
        if path.parent.name == "digest":  # goes by mail, and is not served
            continue
        text = path.read_text("utf-8")
        assert re.findall(r"<script ?([^>]*)>", text) == ours.get(path.name, []), path.name
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text), path.name


def read_colours(scheme: str) -> dict[str, str]:
    css = read_css("site.css")
    found = dict(re.findall(r"--([\w-]+): (#\w+)", css[: css.index("@media")]))
    if scheme == "dark":
        found |= dict(re.findall(r"--([\w-]+): (#\w+)", css[css.index("@media") : css.index("[dir=")]))
    return found


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3: the ratio of relative luminances."""

    def luminance(colour: str) -> float:
        code = colour.lstrip("#")
        code = "".join(c * 2 for c in code) if len(code) == 3 else code
        channels = [int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [(ink, ground) for ink in ("ink", "quiet", "link", "warm") for ground in ("paper", "tint")]
    + [("on-brand", "brand"), ("on-brand-quiet", "brand"), ("paper", "link")],
)
def test_text_contrasts_with_its_ground_as_wcag_aa_asks(scheme: str, ink: str, ground: str) -> None:
    colours = read_colours(scheme)
    assert contrast(colours[ink], colours[ground]) >= 4.5
