"""What judges of published feeds ask of single values. Each function gives complaints; none is silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from html.entities import html5
from html.parser import HTMLParser

EARLIEST_YEAR = 1990  # the W3C feed validator calls anything before it implausible
CLOCK_SKEW = timedelta(minutes=10)

_URI = re.compile(  # RFC 3986, appendix A, with a registered name or an IP literal for a host
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"(?://(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*(?:\[[0-9A-Fa-f:.]+\](?::[0-9]*)?)?)?"
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
    r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
    r"(?:\#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
_TAG_URI = re.compile(r"tag:[a-z0-9.-]+,\d{4}(?:-\d\d){0,2}:[A-Za-z0-9._~!$&'()*+,;=:@/?%-]+")  # RFC 4151
_WEB_URI = re.compile(r"https?://[^/?#]")
_MEDIA_TYPE = re.compile(r'[^\s()<>,;:\\"/\[\]?=]+/[^\s()<>,;:\\"/\[\]?=]+')  # RFC 2045, 5.1
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")  # RFC 5646, no private or grandfathered tags
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_END_TAG = re.compile(r"</([A-Za-z][A-Za-z0-9]*)\s*>")
_ENTITY = re.compile(r"&(#\w+|\w+);")
_BAD_LETTERS = re.compile("[\x80-\x9f\ufdd0-\ufdef\ufffd\ufffe\uffff\U0001fffe\U0001ffff\ud800-\udfff]")

_VOID = frozenset("area br col embed hr img input link meta source track wbr".split())
_ELEMENTS = frozenset(
    """a abbr audio b bdi blockquote br caption cite code col colgroup dd del details dfn div dl dt em
    figcaption figure h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small source
    span strong sub summary sup table tbody td tfoot th thead time tr u ul var video wbr""".split()
)
# The W3C feed validator knows all of these but `controls`, without which no browser shows a player.
_ATTRIBUTES = frozenset(
    """alt colspan controls datetime dir height href lang poster rel reversed rowspan scope span src start
    title type value width""".split()
)
_ADDRESSES = frozenset({"href", "src", "poster"})


def complain_of_uri(value: str) -> Iterator[str]:
    if not _URI.fullmatch(value):
        yield f"no URI of RFC 3986: {value!r}"


def complain_of_web_uri(value: str) -> Iterator[str]:
    yield from complain_of_uri(value)
    if not _WEB_URI.match(value):
        yield f"no absolute web address: {value!r}"


def complain_of_tag_uri(value: str) -> Iterator[str]:
    if not _TAG_URI.fullmatch(value):
        yield f"no tag URI of RFC 4151: {value!r}"


def complain_of_media_type(value: str) -> Iterator[str]:
    if not _MEDIA_TYPE.fullmatch(value):
        yield f"no media type: {value!r}"


def complain_of_language(value: str) -> Iterator[str]:
    if not _LANGUAGE.fullmatch(value):
        yield f"no language tag: {value!r}"


def complain_of_rfc822(value: str, now: datetime) -> Iterator[str]:
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        yield f"no date of RFC 822: {value!r}"
        return
    if value != format_datetime(when, usegmt=True):  # also finds a wrong weekday and a year of two digits
        yield f"not as RSS 2.0 writes dates: {value!r}"
    yield from _complain_of_time(when, now)


def complain_of_rfc3339(value: str, now: datetime) -> Iterator[str]:
    if not _RFC3339.fullmatch(value):
        yield f"no date of RFC 3339: {value!r}"
        return
    yield from _complain_of_time(datetime.fromisoformat(value), now)


def _complain_of_time(when: datetime, now: datetime) -> Iterator[str]:
    if when.year < EARLIEST_YEAR or when > now + CLOCK_SKEW:
        yield f"implausible date: {when.isoformat()}"


def complain_of_count(value: str, *, least: int = 0) -> Iterator[str]:
    if not value.isascii() or not value.isdigit() or int(value) < least:
        yield f"no integer of at least {least}: {value!r}"


def complain_of_text(value: str) -> Iterator[str]:
    """For text that is there to be read: not blank, no marks of a broken encoding."""
    if not value.strip():
        yield "blank"
    if found := _BAD_LETTERS.search(value):
        yield f"bad character {found.group()!r} in {value[:80]!r}"


def complain_of_plain_text(value: str) -> Iterator[str]:
    """For titles and the like, which readers do not read as HTML."""
    yield from complain_of_text(value)
    if any(name.lower() in _ELEMENTS | _VOID | {"script", "style"} for name in _END_TAG.findall(value)):
        yield f"HTML in plain text: {value[:80]!r}"
    if any(name.startswith("#") or f"{name};" in html5 for name in _ENTITY.findall(value)):
        yield f"an entity in plain text: {value[:80]!r}"


def complain_of_html(value: str) -> Iterator[str]:
    """For HTML that readers show: harmless, complete by itself, well nested, every address absolute."""
    reader = _HtmlReader()
    reader.feed(value)
    reader.close()
    yield from reader.complaints
    yield from (f"<{name}> is never closed" for name in reader.open)
    yield from complain_of_text(value)


class _HtmlReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.complaints: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        if tag not in _ELEMENTS:
            self.complaints.append(f"<{tag}> in HTML")
        if len({name for name, _ in attrs}) < len(attrs):
            self.complaints.append(f"an attribute twice in {self.get_starttag_text()}")
        for name, value in attrs:
            if name not in _ATTRIBUTES:
                self.complaints.append(f"<{tag} {name}> in HTML")
            if name in _ADDRESSES and not (value or "").startswith("mailto:"):
                self.complaints.extend(complain_of_web_address(value or ""))
            if name == "lang":
                self.complaints.extend(complain_of_language(value or ""))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.complaints.append(f"</{tag}> closes nothing")

    def handle_comment(self, data: str) -> None:
        self.complaints.append(f"a comment in HTML: {data[:80]!r}")

    def handle_pi(self, data: str) -> None:
        self.complaints.append(f"a processing instruction in HTML: {data[:80]!r}")

    def handle_decl(self, decl: str) -> None:
        self.complaints.append(f"a declaration in HTML: {decl[:80]!r}")


def complain_of_web_address(value: str) -> Iterator[str]:
    """For addresses in HTML, where the URL standard of browsers rules and not RFC 3986."""
    if not _WEB_URI.match(value) or any(letter.isspace() for letter in value):
        yield f"no absolute web address: {value!r}"


def complain_of_repeats(values: list[str], what: str) -> Iterator[str]:
    yield from sorted({f"{what} twice: {value!r}" for value in values if values.count(value) > 1})
