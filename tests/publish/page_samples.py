"""The site and the articles that the tests of pages share; all texts are our own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lxml import html

from aggregator.model import Article, Coverage, Edition, FrontStory, Image, Origin, Section, Site

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

AR = Edition(id="ar", locale="ar-LY", dir="rtl")
EN = Edition(id="en", locale="en-GB", dir="ltr")
FR = Edition(id="fr", locale="fr-FR", dir="ltr")
SPORTS = Section(id="sports", edition="ar", name="رياضة")
LIBYA = Section(id="libya", edition="ar", name="ليبيا")
WORLD = Section(id="world", edition="en", name="World")
SITE = Site(
    title="بوابة الأنباء",
    url="https://news.example",
    timezone=ZoneInfo("Africa/Tripoli"),
    editions=(AR, EN),
    sections=(SPORTS, LIBYA, WORLD),
    digits=None,
    images=True,
)
PICTURE = Image(url="https://img.example/a.jpg", alt="الملعب", width=800, height=450)

# A headline that tries to leave every place it may stand in: an element, an attribute, a comment.
HOSTILE_TITLE = """<script>alert("x")</script> ' " onmouseover=1 --> & </title>"""


def make_article(
    id: str = "a1",
    *,
    title: str | None = None,
    section: Section = SPORTS,
    sources: int = 1,
    image: Image | None = None,
    hours_old: float = 0,
    lang: str = "ar",
) -> Article:
    """An article of `sources` sources, the first of them leading, `hours_old` hours before NOON."""
    at = NOON - timedelta(hours=hours_old)
    title = title or f"خبر رقم {id}"
    names = [f"s{n}" for n in range(sources)]
    direction = "rtl" if lang == "ar" else "ltr"
    return Article(
        id=id,
        guid=f"tag:news.example,2026:{id}",
        origin=Origin(
            id="s0", name="صحيفة s0", feed_url="https://s0.example/f", site_url=None, updated_at=at
        ),
        url=f"https://s0.example/{id}",
        title=title,
        content_html="<p>نص <b>الخبر</b></p>",
        excerpt="مقتطف من الخبر",
        authors=(),
        categories=(),
        image=image,
        enclosures=(),
        lang=lang,
        dir=direction,
        published_at=at,
        updated_at=at,
        first_seen_at=at,
        sections=(section.ref,),
        coverage=tuple(
            Coverage(
                source_id=name,
                source_name=f"صحيفة {name}",
                title=title,
                url=f"https://{name}.example/{id}",
                lang=lang,
                dir=direction,
                published_at=at,
            )
            for name in names
        ),
    )


def make_stories(articles: Iterable[Article]) -> list[FrontStory]:
    """What a front page is built from: articles by the story they name, each alone that names none."""
    told: dict[str, list[Article]] = {}
    for article in articles:
        told.setdefault(article.story or article.id, []).append(article)
    return [
        FrontStory(
            id=id,
            articles=tuple(sorted(of_one, key=lambda a: a.id)),
            coverage=tuple({c.source_id: c for a in of_one for c in reversed(a.coverage)}.values()),
        )
        for id, of_one in told.items()
    ]


def make_bare(article: Article) -> Article:
    """The same article with everything gone that a source may leave out."""
    return replace(article, url=None, content_html="", excerpt="", image=None, coverage=())


def parse_page(text: str) -> html.HtmlElement:
    return html.document_fromstring(text)


def list_article_links(page: html.HtmlElement) -> list[str]:
    return [href for href in page.xpath("//a/@href") if href.startswith("/article/")]


def get_text(page: html.HtmlElement, xpath: str) -> str:
    """The text of the one element that `xpath` finds, white space collapsed."""
    (element,) = page.xpath(xpath)
    return " ".join(element.text_content().split())
