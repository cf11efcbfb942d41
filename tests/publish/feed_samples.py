"""Heads and articles that the tests of published feeds share; all texts are our own."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.model import Article, Coverage, Enclosure, FeedHead, Image, Origin

GOLDEN = Path(__file__).parent / "golden"
DAWN = datetime(2026, 11, 24, 5, 30, tzinfo=UTC)


def check_golden(name: str, document: bytes) -> None:
    """Compare with the stored document. `UPDATE_GOLDEN=1` stores it anew: then read the diff."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(document)
    assert document.decode() == path.read_text(encoding="utf-8")


def _head(edition: str, lang: str, title: str, description: str, icon: str | None) -> FeedHead:
    root = "https://news.example"
    return FeedHead(
        id=f"tag:news.example,2026:feed/{edition}/sports",
        title=title,
        description=description,
        lang=lang,
        dir="rtl" if edition == "ar" else "ltr",
        home_url=f"{root}/{edition}/s/sports/",
        article_root=f"{root}/article/",
        rss_url=f"{root}/feeds/{edition}/sports.rss",
        atom_url=f"{root}/feeds/{edition}/sports.atom",
        json_url=f"{root}/feeds/{edition}/sports.json",
        ttl=timedelta(minutes=20),
        icon_url=icon,
        updated_at=DAWN + timedelta(hours=2, microseconds=7),
    )


HEADS = {
    "ar": _head(
        "ar", "ar-LY", "بوابة الأخبار: رياضة", "آخر أخبار الرياضة", "https://news.example/static/icon.png"
    ),
    "en": _head("en", "en", "News Portal: Sports", "The latest in sport", None),
}

HARBOUR = Origin(
    id="harbour",
    name="صحيفة الميناء",
    feed_url="https://harbour.example/feeds/sports.xml",
    site_url="https://harbour.example/",
    updated_at=DAWN + timedelta(minutes=31),
)
FERRY = Origin(
    id="ferry",
    name="The Ferry & Post",
    feed_url="https://ferry.example/rss?section=sport&n=30",
    site_url=None,
    updated_at=DAWN,
)

FULL = Article(
    id="k7Qm",
    guid="tag:news.example,2026:k7Qm",
    origin=HARBOUR,
    url="https://harbour.example/رياضة/فوز-كبير?id=7&من=الرئيسية",
    title="فوز كبير لفريق الميناء في ختام الدوري",
    content_html='<p>حقق فريق الميناء فوزاً كبيراً.</p>\n<p>اقرأ <a href="https://harbour.example/m?a=1&amp;b=2">'
    "التفاصيل</a>.</p>",
    excerpt="حقق فريق الميناء فوزاً كبيراً.",
    authors=("سالم الورفلي", "هدى بن عامر"),
    categories=("رياضة", "كرة القدم", "رياضة", "  "),
    image=Image(url="https://harbour.example/img/cup.jpg", alt='الكأس "الذهبية"', width=1200, height=800),
    enclosures=(
        Enclosure(url="https://harbour.example/img/cup.jpg", type="image/jpeg", length=91),
        Enclosure(url="https://harbour.example/audio/match.mp3", type=None, length=4096),
    ),
    lang="ar",
    dir="rtl",
    published_at=DAWN,
    updated_at=DAWN + timedelta(hours=1, seconds=5),
    first_seen_at=DAWN,
    sections=("ar/sports",),
    coverage=(
        Coverage(
            source_id="harbour",
            source_name="صحيفة الميناء",
            title="فوز كبير لفريق الميناء في ختام الدوري",
            url="https://harbour.example/رياضة/فوز-كبير",
            lang="ar",
            dir="rtl",
            published_at=DAWN,
        ),
        Coverage(
            source_id="lighthouse",
            source_name="المنارة",
            title="الميناء يفوز",
            url="https://lighthouse.example/7",
            lang="ar",
            dir="rtl",
            published_at=DAWN,
        ),
        Coverage(
            source_id="lighthouse",
            source_name="المنارة",
            title="الميناء يفوز: تحديث",
            url="https://lighthouse.example/8",
            lang="ar",
            dir="rtl",
            published_at=DAWN,
        ),
        Coverage(
            source_id="buoy",
            source_name="Buoy",
            title="Harbour wins",
            url=None,
            lang="en",
            dir="ltr",
            published_at=DAWN,
        ),
    ),
)

BARE = Article(
    id="b2",
    guid="tag:news.example,2026:b2",
    origin=FERRY,
    url=None,
    title="Rain delays the regatta",
    content_html="",
    excerpt="",
    authors=(),
    categories=(),
    image=None,
    enclosures=(),
    lang="und",
    dir="ltr",
    published_at=DAWN - timedelta(hours=1),
    updated_at=DAWN - timedelta(hours=1),
    first_seen_at=DAWN,
    sections=("en/sports",),
    coverage=(),
)

SUMMARY = replace(
    BARE,
    id="s3",
    guid="tag:news.example,2026:s3",
    url="https://ferry.example/2026/11/tide",
    title="Tide & time: is 3 < 4?",
    excerpt="Crews waited as 3 < 4 boats & a tug left harbour.",
    authors=("Ann Tiller",),
    enclosures=(Enclosure(url="https://ferry.example/programme"),),
    lang="en",
    published_at=DAWN - timedelta(hours=2),
)

HOSTILE = replace(
    FULL,
    id="h4",
    guid="tag:news.example,2026:h4",
    origin=replace(FERRY, name="]]>\x00<Ferry>\ud800"),
    url="https://ferry.example/a b?q=\"<x>\"&y='1'",
    title="]]> <script>alert(1)</script> &amp; \x0b\ufffe\u202e\U0001f6a2",
    content_html="<p>]]&gt; \x08text \ud83d &amp;amp;</p>",
    excerpt='<b>not bold</b> & "quoted" ]]>\x1f',
    authors=("Eve <eve@ferry.example>\x7f",),
    categories=("a&b", "<c>\x01"),
    image=Image(url="https://ferry.example/i.png?x=<1>&y=2", alt='"><script>'),
    enclosures=(),
    lang="en",
    dir="ltr",
    coverage=(),
)

ARTICLES = (FULL, BARE, SUMMARY, HOSTILE)
