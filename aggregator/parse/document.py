"""The text of an XML feed, made safe and readable before feedparser sees it.

feedparser takes quadratic time on attributes, nesting and author fields, reads every entry before the first
can be counted, and falls back to guessing for a blank line before the XML declaration. What is done here is
linear in the length of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from aggregator.errors import NotAFeed, ParseError
from aggregator.parse.discovery import find_feeds

MAX_DEPTH = 200
MAX_ATTRIBUTES = 256
MAX_NAME_FIELD = 300  # characters of an author or date, before feedparser's patterns run over it

_FEED_ROOTS = frozenset({"rss", "feed", "rdf", "channel"})
_FEED_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,20}:)?(?:rss|feed|rdf)(?=[\s>])", re.IGNORECASE)
# A feed whose publisher wrapped it in a page; <rdf:RDF> in a page is a licence, not a feed.
_FEED_IN_PAGE = re.compile(r"<(?:rss\b[^<>]{0,500}?\bversion|feed\b[^<>]{0,500}?\bxmlns)\s*=", re.IGNORECASE)
# HTML lets a page leave out <html> and <head>.
_WEB_PAGE_ROOTS = frozenset({"html", "head", "title", "meta", "body", "script"})
# What an error page or a fragment starts with; a feed may still follow, after the warnings of PHP.
_PAGE_ELEMENTS = frozenset(
    "a b br center div font form h1 h2 h3 hr iframe img link p pre span style table".split()
)
_OTHER_ROOTS = {
    "opml": "an OPML list of feeds",
    "urlset": "a sitemap",
    "sitemapindex": "a sitemap index",
    "svg": "an SVG image",
    "service": "an AtomPub service document",
    "opensearchdescription": "an OpenSearch description",
}
_WEB_PAGE, _NOTHING = "a web page", "an empty document"
TELL = "if that lasts, tell the publisher"
LOOK = "look at the URL in a browser, and correct the source's url"
_CURES = {
    _NOTHING: TELL,
    "an OPML list of feeds": "`aggregator import` adds the feeds of such a file",
}
_MAGIC = (
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "compressed data"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"GIF8", "a GIF image"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)
_START_TAG = re.compile(r"<([A-Za-z_][^\s/<>]{0,100})")
_SUBSET_END = re.compile(r"\]\s*>")
_COMMENTS = re.compile(r"<!--.{0,2000}?-->|<\?.{0,200}?\?>", re.DOTALL)
_JUNK_WINDOW = 65_536
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")  # XML 1.0, section 2.2
_CHARACTER_REFERENCE = re.compile(r"&#(?:[xX]([0-9A-Fa-f]+)|([0-9]+));?")

_TOKEN = re.compile(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|<(/?)([A-Za-z_][^\s/<>]*+)([^<>]*+)>", re.DOTALL)
_IDENTITY_END = re.compile(r"</(?:guid|(?:[A-Za-z][\w-]{0,20}:)?id)\s*>", re.IGNORECASE)
_ENTRY_NAMES = frozenset({"item", "entry"})
_NEVER_CLOSED = frozenset({"br", "img", "hr", "input", "link", "meta", "p", "li"})
_LONG_FIELD = re.compile(
    r"<((?:[A-Za-z][\w-]*:)?(?:author|creator|managingEditor|webMaster|publisher|contributor"
    r"|pubDate|published|updated|modified|issued|created|date|lastBuildDate))(?=[\s>])([^<>]*)>"
    rf"((?:<!\[CDATA\[)?)([^<]{{{MAX_NAME_FIELD + 1},}})",
    re.IGNORECASE,
)
# Arabic and Asian publishers put the address where RSS has <url>; feedparser loses it there.
_IMAGE_ADDRESS = r"https?://[^\s<>\]]{1,4000}"
_BARE_IMAGE = re.compile(
    rf"<image>\s*(?:<!\[CDATA\[)?\s*({_IMAGE_ADDRESS})\s*(?:\]\]>)?\s*</image>", re.IGNORECASE
)
_IMAGE_ADDRESS_ALONE = re.compile(_IMAGE_ADDRESS, re.IGNORECASE)
# What feedparser makes of an address breaks where its last label has more than four letters.
_ADDRESS = r"\s*(?:mailto:)?[^\s<>()@]{1,100}@[^\s<>()@]{1,200}\s*(?:\((?P<name>[^()<>]{0,300})\)\s*)?"
_AUTHOR_ADDRESS = re.compile(
    r"(<(?:author|managingEditor|dc:creator|itunes:author)(?=[\s>])[^<>]*>\s*(?:<!\[CDATA\[)?)"
    rf"{_ADDRESS}(?=(?:\]\]>\s*)?</)",
    re.IGNORECASE,
)
_ADDRESS_ALONE = re.compile(_ADDRESS, re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    text: str  # well-formed as far as its head goes; no DOCTYPE, no entity declarations
    problems: tuple[str, ...]


def prepare_document(text: str, *, url: str, max_entries: int) -> Prepared:
    """Drops what stands round the root element and what comes after `max_entries` entries.

    Raises NotAFeed with what the document is instead, and ParseError where reading it would take too long.
    """
    problems: list[str] = []
    text, illegal = _ILLEGAL.subn("", text)
    if illegal:
        problems.append(f"characters that XML forbids: {illegal} removed")
    root = _find_root(text)
    if root is None:
        raise not_a_feed(text, url=url)
    start, junk = root
    if junk:
        problems.append("text before the feed was skipped")
    if "<!ENTITY" in text[:start]:
        problems.append("its DOCTYPE declares entities: none was expanded")
    text, broke_off, after = _cut_tail(text, start)
    if after:
        problems.append("text after the end of the feed was skipped")
    starts, last_end = _scan_tags(text, url=url)
    if broke_off:
        text, starts = _drop_half(text, starts, last_end, url=url)
        problems.append("the document breaks off: what is missing comes with the next one that is whole")
    text, cut = _cut_entries(text, starts, last_end, max_entries=max_entries)
    text = _BARE_IMAGE.sub(r"<image><url>\1</url></image>", text)
    text = _AUTHOR_ADDRESS.sub(lambda m: m[1] + (m["name"] or ""), text)
    text, shortened = _LONG_FIELD.subn(_shorten_field, text)
    if shortened:
        problems.append(f"author or date of more than {MAX_NAME_FIELD} characters: {shortened} cut")
    return Prepared(text=text, problems=(*problems, *cut))


def not_a_feed(text: str, *, url: str) -> NotAFeed:
    """The error that says what a document is instead of a feed, and what the admin should write."""
    what = describe_non_feed(text)
    feeds = find_feeds(text, url=url) if what == _WEB_PAGE else ()
    cure = _name_feeds(feeds) if what == _WEB_PAGE else _CURES.get(what, LOOK)
    return NotAFeed(f"this is {what}, not a feed: {cure}", url=url, feeds=feeds)


def _name_feeds(feeds: tuple[str, ...]) -> str:
    first, *others = feeds or ("",)
    if not first:
        return "it names none, so look for one on the site, and correct the source's url"
    also = ", or one of its others: " + ", ".join(others) if others else ""
    return f'write the feed that it names, url = "{first}"{also}'


def describe_non_feed(text: str) -> str:
    """What a document is that is no feed: "a web page", "plain text"."""
    start = text.lstrip()[:2000]
    if not start:
        return _NOTHING
    tag, _ = _find_first_tag(text)
    if tag is None:
        return "plain text" if "<" not in start else "XML without a root element"
    name = _local_name(tag[1])
    if name in _WEB_PAGE_ROOTS | _PAGE_ELEMENTS or re.match(r"<!doctype\s+html", start, re.IGNORECASE):
        return _WEB_PAGE
    return _OTHER_ROOTS.get(name, f"XML with the root <{tag[1][:40]}>")


def find_binary_kind(body: bytes) -> str | None:
    """What a body is that is no text at all: "a PDF document"; None where it does not look like that."""
    return next((what for magic, what in _MAGIC if body.startswith(magic)), None)


def make_xml_parser(*, recover: bool) -> etree.XMLParser:
    """A parser for what strangers wrote: it expands no entity and reaches neither files nor the network."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=recover,
        remove_comments=True,
        remove_pis=True,
    )


def drop_prolog(text: str) -> str:
    """From the root element on: without declarations, DOCTYPE and the entities it declares."""
    tag, _ = _find_first_tag(text)
    return text[tag.start() :] if tag else ""


def drop_bad_references(text: str) -> str:
    """Without references to characters that do not exist (&#xD800;, &#99999999;), which crash feedparser."""
    return _CHARACTER_REFERENCE.sub(lambda m: m[0] if _is_character(m) else "", text)


def strip_illegal(text: str) -> str:
    return _ILLEGAL.sub("", text)


def describe_cut(kept: int, found: int) -> str:
    return f"only the first {kept} of {found} entries were read"


def find_feed(text: str) -> int | None:
    """Where the root element of a feed starts; None without one, or with junk or declared entities before."""
    root = _find_root(text)
    if root is None or root[1] or "<!ENTITY" in text[: root[0]]:
        return None
    return root[0]


def drop_address(author: str) -> str:
    """The name of an author given as "jane@n.example (Jane)", "" for a mere address; else the same text."""
    found = _ADDRESS_ALONE.fullmatch(author)
    return (found["name"] or "") if found else author


def is_image_address(text: str) -> bool:
    """Whether the text of an <image> is an address, which belongs into an <url> of it."""
    return _IMAGE_ADDRESS_ALONE.fullmatch(text.strip()) is not None


def has_long_field(text: str) -> bool:
    """Whether an author or date would be cut before feedparser reads it."""
    return _LONG_FIELD.search(text) is not None


def _is_character(reference: re.Match[str]) -> bool:
    digits, base = (reference[1], 16) if reference[1] else (reference[2], 10)
    digits = digits.lstrip("0")
    if not digits or len(digits) > 7:
        return False
    code = int(digits, base)
    return code <= 0x10FFFF and not _ILLEGAL.match(chr(code))


def _find_root(text: str) -> tuple[int, bool] | None:
    """Where the root element starts, and whether junk stands before it; None where there is no feed."""
    tag, junk = _find_first_tag(text)
    if tag is not None:
        name = _local_name(tag[1])
        if name in _FEED_ROOTS:
            return tag.start(), junk
        if name in _OTHER_ROOTS:
            return None
        if name in _WEB_PAGE_ROOTS:
            feed = _FEED_IN_PAGE.search(text, 0, _JUNK_WINDOW)
            return (feed.start(), True) if feed else None
    # PHP prints its warnings, as HTML, before the feed.
    feed = _FEED_ROOT.search(text, 0, _JUNK_WINDOW)
    if feed:
        return feed.start(), True
    return (tag.start(), junk) if tag else None


def _find_first_tag(text: str) -> tuple[re.Match[str] | None, bool]:
    """The first start tag outside declarations, comments and DOCTYPE; whether other text stands before it."""
    position, junk = 0, False
    while True:
        opening = text.find("<", position)
        if opening < 0:
            return None, junk
        junk = junk or bool(text[position:opening].strip("\ufeff \t\r\n"))
        tag = _START_TAG.match(text, opening)
        if tag:
            return tag, junk
        position = _skip_declaration(text, opening)
        if position < 0:
            return None, junk


def _skip_declaration(text: str, opening: int) -> int:
    """The position behind the declaration, comment or DOCTYPE that opens here; -1 if it has no end."""
    if text.startswith("<!--", opening):
        return _behind(text, "-->", opening + 4)
    if text.startswith("<?", opening):
        return _behind(text, "?>", opening)
    if not text.startswith("<!", opening):
        return opening + 1
    closing = text.find(">", opening)
    subset = text.find("[", opening, closing if closing > 0 else None)
    if subset < 0:
        return closing + 1 if closing > 0 else -1
    end = _SUBSET_END.search(text, subset)
    return end.end() if end else -1


def _behind(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return found + len(mark) if found >= 0 else -1


def _cut_tail(text: str, start: int) -> tuple[str, bool, bool]:
    """From the root to its end tag, on its lines; whether it breaks off, whether more is behind it."""
    root = _START_TAG.match(text, start)
    assert root is not None
    head = '<?xml version="1.0" encoding="utf-8"?>' + "\n" * text.count("\n", 0, start)
    last = text.rfind(f"</{root[1]}", start)
    end = text.find(">", last) + 1 if last > 0 else 0
    if end == 0:
        name, closing = _local_name(root[1]), text.find("/>", start)
        is_empty = 0 < closing < text.find(">", start)
        return head + text[start:], name in _FEED_ROOTS and not is_empty, False
    tail = _COMMENTS.sub("", text[end : end + _JUNK_WINDOW])
    return head + text[start:end], False, bool(tail.strip())


def _drop_half(text: str, starts: list[int], last_end: int, *, url: str) -> tuple[str, list[int]]:
    """Without the entry in which a document breaks off, where that is before its guid: it would be another.

    Raises ParseError where no entry is left, so that the source fails and is asked for all of it again.
    """
    if starts and starts[-1] >= last_end:
        has_identity = _IDENTITY_END.search(text, starts[-1])
        if not has_identity and (len(starts) == 1 or _IDENTITY_END.search(text, starts[0], starts[-1])):
            text, starts = text[: starts[-1]], starts[:-1]
    if not starts:
        raise ParseError(f"the document breaks off before its first entry: {TELL}", url=url)
    return text, starts


def _cut_entries(
    text: str, starts: list[int], last_end: int, *, max_entries: int
) -> tuple[str, tuple[str, ...]]:
    if len(starts) <= max_entries:
        return text, ()
    first_dropped = starts[max_entries]
    kept = text[:first_dropped] + text[max(last_end, first_dropped) :]
    return kept, (describe_cut(max_entries, len(starts)),)


def _scan_tags(text: str, *, url: str) -> tuple[list[int], int]:
    """Where entries start and the last one ends. Raises ParseError beyond MAX_DEPTH and MAX_ATTRIBUTES."""
    starts: list[int] = []
    last_end = -1
    stack: list[str] = []
    for token in _TOKEN.finditer(text, 0, _end_of_closed_sections(text)):
        name = token[2]
        if name is None:
            continue
        local = _local_name(name)
        if token[1]:
            if name in stack:
                _pop_to(stack, name)
                if local in _ENTRY_NAMES:
                    last_end = token.end()
            continue
        _check_attributes(token[3], name, url=url)
        if local in _ENTRY_NAMES and not token[3].endswith("/"):
            if name in stack:  # the entry before was never closed
                _pop_to(stack, name)
            starts.append(token.start())
        if not token[3].endswith("/") and local not in _NEVER_CLOSED:
            stack.append(name)
            if len(stack) > MAX_DEPTH:
                raise ParseError(f"elements are nested more than {MAX_DEPTH} deep: {TELL}", url=url)
    return starts, last_end


def _pop_to(stack: list[str], name: str) -> None:
    while stack.pop() != name:
        pass


def _check_attributes(attributes: str, name: str, *, url: str) -> None:
    if len(attributes) > 1024 and attributes.count("=") > MAX_ATTRIBUTES:
        raise ParseError(f"a <{name[:40]}> tag has more than {MAX_ATTRIBUTES} attributes: {TELL}", url=url)


def _end_of_closed_sections(text: str) -> int:
    """Where a CDATA section or comment opens that is never closed: searching on would be quadratic."""
    end = len(text)
    for opening, closing in (("<![CDATA[", "]]>"), ("<!--", "-->")):
        unclosed = text.find(opening, text.rfind(closing) + 1)
        if unclosed >= 0:
            end = min(end, unclosed)
    return end


def _shorten_field(field: re.Match[str]) -> str:
    kept = re.sub(r"&[^;]{0,10}$", "", field[4][:MAX_NAME_FIELD])
    cdata = field[3]
    closing = "" if not cdata or "]]>" not in field[4][MAX_NAME_FIELD:] else "]]>"
    return f"<{field[1]}{field[2]}>{cdata}{kept}{closing}"


def _local_name(name: str) -> str:
    return name[name.rfind(":") + 1 :].lower()
