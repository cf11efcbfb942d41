"""Strict judges find nothing to say against what we publish of real and of hostile feeds."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import ParseError
from aggregator.grouping import group_new
from aggregator.model import PollResult
from aggregator.reading import read_document
from aggregator.refresh import apply_configuration
from aggregator.saving import save_results
from aggregator.store import archives, open_store, sources
from aggregator.web import create_app
from aggregator.web.paths import list_paths
from tests.publish.judges import judge_feed, judge_with_xmllint
from tests.site_samples import NOON, Portal, make_settings, source_table

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "feeds"
SITE = "https://news.example"
FORMS = ("rss", "atom", "json")
EACH = 5  # every fifth file of the corpus: 68 of 339

TOO_LONG = "كلمة & <word> " * 700
HOSTILE_TEXTS: Mapping[str, str] = {
    "control characters": "a\x00b\x08c\x0bd\x1fe\x7f\x85f\x9f",
    "a lone high surrogate": "a\ud83d",
    "a lone low surrogate": "\udea2a",
    "noncharacters": "a\ufffe\uffffb\U0001fffe",
    "replacement characters": "a\ufffdb\ufffd",
    "the end of a CDATA section": "a ]]> b <![CDATA[ c",
    "entities": "a & b &amp; c &amp;amp; &nbsp; &#0; &#x1F; &#128; &bogus; &lt;i&gt;",
    "a script": "a <script>alert(1)</script> b",
    "a script written as text": "a &lt;script&gt;alert(1)&lt;/script&gt; b",
    "the end of the element": "a</title></item></channel></rss><!-- b",
    "overrides of direction": "\u202ea\u2066b\u200f\u202d",
    "ten thousand characters": TOO_LONG,
    "line ends": "a\r\nb\u2028c\u0085d\te",
    "blanks alone": " \u00a0\u200b\u2003 ",
    "nothing": "",
    "emoji": "\U0001f6a2 \U0001f468\u200d\U0001f469\u200d\U0001f467",
}
HOSTILE_BODIES: Mapping[str, str] = {
    "a script": "<p>a<script>alert(1)</script></p><p onclick='alert(1)' style='position:fixed'>b</p>",
    "links that run": '<a href="javascript:alert(1)">a</a> <a href="java&#10;script:alert(1)">b</a>',
    "images as data": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="> <img src="x" onerror=alert(1)>',
    "unclosed tags": "<div><p><b><i>a<table><tr><td>b</div><ul><li>c",
    "closed too often": "</div></div></p>a</b></span>",
    "relative addresses": '<a href="/a">a</a><img src="../b.png"><a href="?q=[1]&r=%">c</a>',
    "frames, forms and styles": "<iframe src=/a></iframe><form><input></form><style>p{}</style>",
    "players": '<video src="/v.mp4" poster="p.png" autoplay></video><audio src="/a.mp3"></audio>',
    "foreign markup": "<svg onload=alert(1)><a xlink:href=javascript:1>a</a></svg><math><mi>x</mi></math>",
    "comments": "a<!-- b --><!--[if IE]>c<![endif]--><?php d ?><!DOCTYPE html>e",
    "reversed text": '<bdo dir="rtl">olleh</bdo> <p lang="not a tag!" dir="up">a</p>',
    "nested anchors": '<a href="/a">a<a href="/b">b<p>c</p></a></a>',
    "nested blocks": "<p>a<p>b<div>c</p>d<table>e<td>f</table>",
    "attributes twice": '<a href="/a" href="/b" title=1 title=2>a</a><img src=/i.png alt="<b>">',
    "custom elements": "<x-y onclick=1>a</x-y><o:p>b</o:p><font color=red>c</font><center>d</center>",
    "an empty body": "",
}
HOSTILE_ADDRESSES: Mapping[str, str] = {
    "javascript": "javascript:alert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "brackets and percents": "https://host.example/a[1]/?q[]=100%&x=%zz#a#b",
    "spaces and quotes": 'https://host.example/a b"<c>?d|e^f`g{h}\\i',
    "an Arabic host": "https://مثال.example/صفحة?س=ع",
    "an IP literal": "http://[2001:db8::1]:8080/a",
    "no path": "https://host.example?x=1",
    "a user": "https://user:pass@host.example/a",
    "no host": "https:///a",
    "a port that is none": "https://host.example:port/a",
    "relative": "../a",
    "control characters": "https://host.example/a\x00\nb\ud800",
    "mail": "mailto:a@host.example",
}


def make_hostile_items() -> list[dict[str, Any]]:
    """Items of JSON Feed, the one format that can hold every character there is."""
    url = "https://press.example/{}".format
    items = [
        {
            "id": f"t{n}",
            "url": url(f"t{n}"),
            "title": text,
            "summary": text,
            "content_html": f"<p>Number {n}.</p><p>{text}</p>",
            "authors": [{"name": text}],
            "tags": [text, f"{text} again"],
            "language": text[:20],
        }
        for n, text in enumerate(HOSTILE_TEXTS.values())
    ]
    items += [
        {"id": f"b{n}", "url": url(f"b{n}"), "title": f"Body {n}", "content_html": body}
        for n, body in enumerate(HOSTILE_BODIES.values())
    ]
    items += [
        {
            "id": f"a{n}",
            "url": address,
            "title": f"Address {n}",
            "content_html": f"<p>{n} <a href='{address}'>a</a><img src='{address}'></p>",
            "image": address,
            "attachments": [{"url": address, "mime_type": "a/b c;d", "size_in_bytes": -1}],
        }
        for n, address in enumerate(HOSTILE_ADDRESSES.values())
    ]
    return items


def make_hostile_document() -> bytes:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "\ufffe<b>",
        "items": make_hostile_items(),
    }
    return json.dumps(feed).encode("ascii")  # lone surrogates as escapes


@contextmanager
def publish_documents(folder: Path, documents: Mapping[str, bytes]) -> Iterator[Portal]:
    """A site with one source for each document, read and saved as a poll would."""
    places = {source_id: ("world", "sports", "libya")[n % 3] for n, source_id in enumerate(documents)}
    tables = [source_table(i, f"https://{i}.example/feed", place) for i, place in places.items()]
    settings = make_settings(folder, *tables)
    store = open_store(settings.store_url)
    apply_configuration(store, settings, now=NOON)
    for source_id, document in documents.items():
        source = settings.get_source(source_id)
        try:
            reading = read_document(document, source.url, content_type=None, source=source, seen_at=NOON)
        except ParseError:
            continue
        result = PollResult(
            source_id=source_id,
            outcome="new_body",
            polled_at=NOON,
            next_poll_at=NOON + timedelta(hours=1),
            body_hash=b"0" * 16,
            reading=reading,
        )
        with store.write() as tx:
            save_results(tx, [result], now=NOON)
            sources.record_poll(tx, result)
    group_new(store, now=NOON, stopping=threading.Event())
    yield Portal(settings=settings, store=store)
    store.close()


def fetch_feeds(portal: Portal) -> dict[str, bytes]:
    """Every feed of the site by its path, archives too."""
    client = create_app(portal.settings, portal.store).test_client()
    with portal.store.read() as tx:
        paths = [listed.path for listed in list_paths(tx, portal.settings) if listed.kind == "feed"]
    answers = {path: client.get(path) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 200)
    return {path: answer.data for path, answer in answers.items()}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    if not CORPUS.is_dir():
        pytest.skip("shared/data/feeds is not beside the checkout")
    files = sorted(path for path in CORPUS.iterdir() if path.name != "INDEX.tsv")[::EACH]
    documents = {f"f{path.name[:3]}": path.read_bytes() for path in files}
    with publish_documents(tmp_path_factory.mktemp("real"), documents) as portal:
        return fetch_feeds(portal)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    documents = {"hostile": make_hostile_document()}
    with publish_documents(tmp_path_factory.mktemp("hostile"), documents) as portal:
        return fetch_feeds(portal)


@pytest.fixture(params=["real", "hostile"])
def feeds(request: pytest.FixtureRequest) -> dict[str, bytes]:
    published: dict[str, bytes] = request.getfixturevalue(request.param)
    return published


@pytest.mark.parametrize("form", FORMS)
def test_the_judges_are_silent(feeds: dict[str, bytes], form: str) -> None:
    complaints = [
        f"{path}: {complaint}"
        for path, document in feeds.items()
        if path.endswith(form)
        for complaint in judge_feed(form, document, url=SITE + path, now=NOON)
    ]
    assert complaints == []


@pytest.mark.skipif(not shutil.which("xmllint"), reason="xmllint (libxml2-utils) is not installed")
def test_xmllint_is_silent(feeds: dict[str, bytes], tmp_path: Path) -> None:
    files = {tmp_path / path.replace("/", "-"): d for path, d in feeds.items() if not path.endswith("json")}
    for file, document in files.items():
        file.write_bytes(document)
    assert judge_with_xmllint(list(files)) == ""


def test_real_feeds_fill_the_sections(real: dict[str, bytes]) -> None:
    for section in ("ar/sports", "ar/libya", "en/world"):
        assert real[f"/feeds/{section}.rss"].count(b"<item>") == 50
    for name in ("ar/top", "en/stories/world", "ar/stories/all"):
        assert real[f"/feeds/{name}.rss"].count(b"<item>") > 10
    assert real["/feeds/ar/all/2026-11-1.atom"].count(b"<entry") == archives.PART
    filled = [path for path, document in real.items() if "/source/" in path and b"<item>" in document]
    assert len(filled) >= 50


@pytest.mark.parametrize("form", FORMS)
def test_every_hostile_item_is_published(hostile: dict[str, bytes], form: str) -> None:
    items = re.findall(rb'<item>|<entry[ >]|"content_html":', hostile[f"/feeds/source/hostile.{form}"])
    assert len(items) == len(make_hostile_items())
