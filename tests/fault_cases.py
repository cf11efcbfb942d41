"""Every way in which a document can be wrong, each a source of its own.

What `status` and `entries` are to say of each stands in fault_outcomes.toml, one golden outcome a case; how
exchanges go wrong is in fault_exchanges.py, and end_to_end/test_faults.py polls them all.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from aggregator.demo.publisher import Answer, Handler

BEFORE = "Before the fault"  # the one item of every source while it is healthy
TITLE = "افتتاح الجسر الجديد"
WORDS = "عبر الناس الجسر الجديد على الدراجات، وفرح أهل المدينة به فرحا كبيرا."
DATE = "<pubDate>Fri, 20 Nov 2026 09:00:00 GMT</pubDate>"
MEGABYTE = 1024 * 1024

Talk = Callable[[socket.socket], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One source: healthy at its first poll, where it can be, then this."""

    id: str
    handler: Handler | None = None
    talk: Talk | None = None  # for what no HTTP server does; the connection is closed behind it
    alone: bool = False  # at a publisher of its own
    healthy_first: bool = True
    refused: bool = False  # its publisher closes its port
    certificate: str | None = None  # it speaks TLS with this one
    url: str | None = None  # there is no publisher
    timeout: str = "5s"


def answering(
    body: bytes, *headers: tuple[str, str], kind: str = "application/xml", status: int = 200
) -> Handler:
    answer = Answer(status=status, body=body, headers=(("Content-Type", kind), *headers))
    return lambda _: answer


def document(id: str, body: bytes | str, *, kind: str = "text/xml") -> Fault:
    return Fault(id=id, handler=answering(body.encode() if isinstance(body, str) else body, kind=kind))


def rss(*items: str, head: str = "", root: str = "") -> str:
    about = "<title>Press</title><link>https://press.example/</link>"
    channel = f"<channel>{about}{head}{''.join(items)}</channel>"
    return f'<?xml version="1.0"?><rss version="2.0"{root}>{channel}</rss>'


def item(number: int = 1, *, title: str | None = None, more: str = "", without: str = "") -> str:
    """An item with all that it needs but what it is to be `without`."""
    parts = {
        "guid": f"<guid isPermaLink='false'>after-{number}</guid>",
        "title": f"<title>{title or f'After {number}'}</title>",
        "link": f"<link>https://press.example/after-{number}</link>",
        "date": DATE,
    }
    return f"<item>{''.join(v for k, v in parts.items() if k not in without.split())}{more}</item>"


def arabic(codec: str, *, declared: str = "") -> bytes:
    said = f' encoding="{declared}"' if declared else ""
    text = rss(item(title=TITLE, more=f"<description>{WORDS}</description>"))
    return text.replace('version="1.0"', f'version="1.0"{said}', 1).encode(codec)


def linked(link: str) -> str:
    return rss(item(without="link", more=f"<link>{link}</link>"))


def dated(date: str) -> str:
    return rss(item(without="date", more=f"<pubDate>{date}</pubDate>"))


def described(markup: str) -> str:
    return rss(item(more=f"<description>{markup}</description>"))


def healthy(fault_id: str) -> bytes:
    """The feed of a source before its fault."""
    body = (
        f"<description>The bridge of {fault_id} carries bicycles, says the mayor of {fault_id}.</description>"
    )
    link = f"<link>https://press.example/{fault_id}</link>"
    return rss(f"<item><guid>before</guid><title>{BEFORE}</title>{link}{DATE}{body}</item>").encode()


PAGE = """<!doctype html><html lang="en"><head><title>Press</title><base href="/news/">
<link rel="stylesheet" type="text/css" href="/style.css">
<link rel="alternate" type="application/rss+xml" title="Press &raquo; Comments Feed" href="/comments/feed/">
<link rel="Alternate Home" type="application/atom+xml; charset=utf-8" href="feed.atom?a=1&amp;b=2">
<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
<link rel="alternate" type="application/feed+json" href="https://json.example/feed.json">
<link rel="alternate" hreflang="ar" href="/ar/"></head><body><p>Hello</body></html>"""
JSON_HEAD = '{"version": "https://jsonfeed.org/version/1.1", "items": '
SITEMAP = "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'/>"

NO_FEEDS = (
    document("html-with-feeds", PAGE, kind="text/html"),
    document("html-without-feeds", "<!doctype html><title>Press</title><p>Hello", kind="text/html"),
    document("html-error-page", "<br />\n<b>Warning</b>: mysql_connect() in <b>x.php</b>", kind="text/html"),
    document("empty", b""),
    document("white-space", b"\n\n  \n"),
    document("path", b"/etc/hostname", kind="text/plain"),
    document("address", b"http://127.0.0.1:9/feed.xml", kind="text/plain"),
    document("picture", b"\x89PNG\r\n\x1a\n" + bytes(100), kind="image/png"),
    document("other-json", b'{"error": "no such feed"}', kind="application/json"),
    document("broken-json", JSON_HEAD + "[", kind="application/json"),
    document("opml", "<opml version='2.0'><body/></opml>"),
    document("sitemap", SITEMAP),
)

PREFIXES = "<media:thumbnail url='/a.png'/><dc:creator>Jo</dc:creator>"
BREAKS_OFF = rss(item(1), item(2))
MARKUP = (
    document("wrong-content-type", rss(item()), kind="image/png"),
    document("html-content-type", rss(item()), kind="text/html; charset=utf-8"),
    document("truncated", BREAKS_OFF[:-130]),
    document("truncated-before-the-guid", rss(item(1), item(2, without="guid"))[:-60]),
    document("truncated-in-the-head", BREAKS_OFF[:90]),
    document("junk-before", "<br />\n<b>Warning</b>: deprecated in <b>x.php</b>\n" + rss(item())),
    document("blank-line-before", "\n\n" + rss(item())),
    document("junk-after", rss(item()) + "<script>count()</script><!-- 0.3 s -->"),
    document("bare-ampersand", rss(item(title="Bread & salt & co."))),
    document("control-characters", rss(item(title="Af\x00ter\x08 1\x1f"))),
    document("undeclared-entities", rss(item(title="Caf&eacute;&nbsp;&laquo;1&raquo;"))),
    document("undeclared-namespaces", rss(item(more=PREFIXES))),
    document("unclosed-tags", rss(item(more="<description><p>One<p>Two</description><category>x"))),
    document("unescaped-html", described("<p>One<br>two</p>")),
)

ENCODINGS = (
    document("windows-1256-undeclared", arabic("cp1256")),
    document("windows-1256-called-utf-8", arabic("cp1256", declared="utf-8")),
    document("iso-8859-6-undeclared", arabic("iso8859-6")),
    document("iso-8859-6-called-utf-8", arabic("iso8859-6", declared="utf-8")),
    document("windows-1256-called-latin-1", arabic("cp1256"), kind="text/xml; charset=iso-8859-1"),
    document("utf-8-called-latin-1", arabic("utf-8"), kind="text/xml; charset=iso-8859-1"),
    document("utf-8-mark-called-1256", b"\xef\xbb\xbf" + arabic("utf-8", declared="windows-1256")),
    document("utf-16-called-utf-8", arabic("utf-16", declared="utf-8")),
    document("unknown-encoding", arabic("utf-8", declared="utf8mb4")),
)

BOTH_MONTHS = rss(
    item(1, without="date", more="<pubDate>الجمعة 20 نوفمبر 2020 - 09:00</pubDate>"),
    item(2, without="date", more="<pubDate>٢٠ تشرين الثاني ٢٠٢٠</pubDate>"),
)
ITEMS = (
    document("one-guid-for-all", rss(*(item(n, without="guid", more="<guid>0</guid>") for n in (1, 2, 3)))),
    document("no-guid", rss(item(without="guid"))),
    document("no-link", rss(item(without="link"))),
    document("no-title", rss(item(without="title", more="<description>After 1</description>"))),
    document("no-date", rss(item(without="date"))),
    document("nothing-but-title", rss("<item><title>After 1</title></item>")),
    document("nothing-at-all", rss(item(), "<item></item>", "<item><category>x</category></item>")),
    document("relative-link", linked("/a/1.html?x=1")),
    document("javascript-link", linked("javascript:alert(1)")),
    document("date-in-the-future", dated("Fri, 20 Nov 2199 09:00:00 GMT")),
    document("date-in-1970", dated("Thu, 01 Jan 1970 00:00:00 GMT")),
    document("unreadable-date", dated("the day before yesterday")),
    document("arabic-months", BOTH_MONTHS),
    document("thousands-of-items", rss(*map(item, range(1, 3001)))),
)

LAUGHS = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
BOMB = rss(item(title="After 1&j;")).replace("<rss", f'<!DOCTYPE rss [<!ENTITY a "ha">{LAUGHS}]><rss', 1)
EXTERNAL = rss(item(title="After 1&f;", more="<description>&n;</description>")).replace(
    "<rss",
    '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/rss.dtd" [<!ENTITY f SYSTEM "file:///etc/hostname">'
    '<!ENTITY n SYSTEM "http://127.0.0.1:9/x"><!ENTITY % p SYSTEM "http://127.0.0.1:9/y">%p;]><rss',
    1,
)
ATTRIBUTES = " ".join(f'a{n}="{n}"' for n in range(80_000))
HOSTILE = (
    document("entity-bomb", BOMB),
    document("external-entities", EXTERNAL),
    document("megabyte-title", rss(item(title="a " * (MEGABYTE // 2)))),
    document("megabyte-word", described("a" * MEGABYTE)),
    document("nested", rss(item(more="<a>" * 100_000 + "</a>" * 100_000))),
    document("nested-html", described(f"<![CDATA[{'<div>' * 100_000}deep]]>")),
    document("nested-json", JSON_HEAD + "[" * 100_000, kind="application/feed+json"),
    document("attributes", rss(item(more=f"<category {ATTRIBUTES}>x</category>"))),
    document("attributes-of-the-root", rss(item(), root=f" {ATTRIBUTES}")),
    document("attributes-in-html", described(f"<![CDATA[<p {ATTRIBUTES}>x</p>]]>")),
    document("slow-author", rss(item(more=f"<author>{'a' * 30_000}@{'b' * 30_000}</author>"))),
    document("slow-author-of-spaces", rss(item(more=f"<author>x{' ' * 100_000}(</author>"))),
    document("slow-date", dated("1 " * 50_000)),
    document("doctype-without-end", "<!DOCTYPE rss [" + "<!ENTITY a 'b'>" * 50_000),
    document("cdata-without-end", rss(item(), "<item><title>" + "<![CDATA[" * 50_000)),
    document("links-without-end", "<html>" + "<link rel='alternate' href=" * 50_000, kind="text/html"),
)

DOCUMENTS = NO_FEEDS + MARKUP + ENCODINGS + ITEMS + HOSTILE
