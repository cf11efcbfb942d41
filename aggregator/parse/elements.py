"""Elements of a well-formed feed -> the keys and values that feedparser makes of them.

What a field means is decided in entries.py, for both readers. Here stands what feedparser does on the way
there: which element fills which key, which of several wins, how values are resolved, repaired and guessed at.
Whatever it would take more than that to foresee raises Unsure, and feedparser itself reads the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from lxml.etree import _Element as Element

from aggregator.dates import parse_date
from aggregator.parse.document import MAX_ATTRIBUTES, drop_address, has_long_field
from aggregator.parse.fields import MAX_DATE
from aggregator.parse.lenient import (
    NAMESPACES,
    Raw,
    has_handler,
    looks_like_html,
    make_absolute,
    resolve,
    take_back,
)

Attributes = dict[str, str]

_USERLAND = "http://backend.userland.com/rss"  # feedparser takes every namespace with this in it for it
_XHTML = "application/xhtml+xml"
_TYPES = {
    "text": "text/plain",
    "plain": "text/plain",
    "text/plain": "text/plain",
    "html": "text/html",
    "text/html": "text/html",
    "xhtml": _XHTML,
    _XHTML: _XHTML,
}
_QUOTE = {'"': "&quot;"}
_C1 = re.compile("[\x80-\x9f]")
_CP1252 = {code: bytes((code,)).decode("cp1252", "ignore") or chr(code) for code in range(0x80, 0xA0)}
_ADDRESSED = frozenset({"author", "managingeditor", "dc:creator", "itunes:author"})  # as written
_SHORT_FIELD = 42  # characters that cannot have been more than MAX_NAME_FIELD even as references: &#1593;

# Names that feedparser has no handler for and keeps under a key that entries.py or feeds.py reads.
_MEANINGFUL = frozenset(
    """authors base content content_detail date date_parsed description_detail feedburner_origlink href icon
    id image issued_parsed language link links logo media_content media_thumbnail modified_parsed
    published_parsed source subtitle_detail summary_detail sy_updatefrequency sy_updateperiod tagline_detail
    tags title_detail ttl updated_parsed created_parsed""".split()
)


class Unsure(Exception):
    """What feedparser makes of this document is not certain."""


@dataclass(slots=True, kw_only=True)
class Page:
    """What holds for the whole document while it is read."""

    text: str
    url: str
    version: str
    xlink: bool  # whether an element declares that prefix, which feedparser then writes as an attribute
    has_content: bool = False  # feedparser forgets it at the end of an entry, not at the start of one
    has_bases: bool = False
    has_schedule: bool = False
    names: dict[tuple[str, str | None], str] = field(default_factory=dict)
    inert: set[str] = field(default_factory=set)
    long_field: bool | None = None

    @property
    def atom(self) -> bool:
        return self.version.startswith("atom")

    def name(self, element: Element) -> str:
        """The name by which feedparser knows an element: "title", "dc_creator"."""
        key = (element.tag, element.prefix)
        name = self.names.get(key)
        if name is None:
            name = self.names[key] = self._find_name(*key)
        return name

    def _find_name(self, tag: str, given: str | None) -> str:
        namespace, local = split_tag(tag)
        prefix = NAMESPACES.get(namespace, given or "").lower()
        return f"{prefix}_{local}" if prefix else local

    def guard(self, text: str | None) -> None:
        """Raise Unsure where the text might be one that is cut before feedparser sees it."""
        if not text or len(text) <= _SHORT_FIELD:
            return
        if self.long_field is None:
            self.long_field = has_long_field(self.text)
        if self.long_field:
            raise Unsure("long author or date")

    def check_inert(self, element: Element, allowed: frozenset[str] = frozenset()) -> None:
        """Raise Unsure where feedparser would find something in an element that is passed over."""
        for child in element.iterdescendants():
            name = self.name(child)
            if name not in allowed:
                self.check_name(name)

    def check_name(self, name: str) -> None:
        if name in self.inert:
            return
        if name in _MEANINGFUL or has_handler(name, "start", "end"):
            raise Unsure(name)
        self.inert.add(name)


@dataclass(slots=True, kw_only=True)
class Scope:
    """The feed or the entry that is being read."""

    page: Page
    raw: Raw
    is_entry: bool
    base: str  # xml:base in force; DOCUMENT stands for the address of the document
    lang: str | None
    depth: int
    title_depth: int = -1  # where the last title stood that counts: others from there on down do not
    depths: dict[str, int] = field(default_factory=dict)

    def put(self, key: str, value: str, *, stored_as: str = "") -> None:
        """The last one wins, but in an entry none that stands deeper than the one before."""
        if self.is_entry:
            if self.depth > self.depths.get(key, self.depth):
                return
            self.depths[key] = self.depth
        self.raw[stored_as or key] = value


Handler = Callable[[Scope, Element, Attributes], None]


def read_children(scope: Scope, parent: Element, handlers: Mapping[str, Handler]) -> None:
    for child in parent:
        read_element(scope, child, handlers)


def read_element(scope: Scope, element: Element, handlers: Mapping[str, Handler]) -> None:
    page = scope.page
    name = page.name(element)
    handler = handlers.get(name)
    if handler is not None:
        handler(scope, element, read_attributes(element))
        return
    page.check_name(name)
    page.check_inert(element)
    page.guard(element.text)
    if len(element.keys()) > MAX_ATTRIBUTES:
        raise Unsure("attributes")


def split_tag(tag: str) -> tuple[str, str]:
    """The namespace as feedparser compares it and the local name, both in lower case."""
    namespace, brace, local = tag.rpartition("}")
    namespace = namespace[1:].lower()
    return (_USERLAND if _USERLAND in namespace else namespace), local.lower()


def read_attributes(element: Element) -> Attributes:
    """By the names that feedparser gives them; those of unknown namespaces lose their prefix."""
    items = element.items()
    if not items:
        return {}
    if len(items) > MAX_ATTRIBUTES:
        raise Unsure("attributes")
    attributes: Attributes = {}
    for tag, value in items:
        if tag[0] == "{":
            namespace, name = split_tag(tag)
            prefix = NAMESPACES.get(namespace)
            name = f"{prefix}:{name}" if prefix else name
        else:
            name = tag.lower()
        if name in attributes:
            raise Unsure("attributes of the same name")
        attributes[name] = value.lower() if name in ("rel", "type") else value
    return attributes


def find_context(scope: Scope, attributes: Attributes) -> tuple[str, str | None]:
    """The base and language in force inside an element with these attributes."""
    base, lang = scope.base, scope.lang
    if not attributes:
        return base, lang
    written = attributes.get("xml:base", attributes.get("base"))
    if written:
        scope.page.has_bases = True
        base = resolve(written, base)
        if not base.startswith(("http://", "https://")) or resolve(base, base) != base:
            raise Unsure("base")
    lang = attributes.get("xml:lang", attributes.get("lang", lang))
    return base, lang or None


def read_text(element: Element) -> str:
    if len(element):
        raise Unsure("elements in a text")
    return (element.text or "").strip()


def repair(text: str) -> str:
    """UTF-8 that was taken for ISO-8859-1 and the characters of windows-1252, put right as feedparser does."""
    if text.isascii():
        return text
    try:
        text = text.encode("iso-8859-1").decode("utf-8")
    except UnicodeError:
        pass
    return text.translate(_CP1252) if _C1.search(text) else text


def read_value(element: Element) -> str:
    return repair(read_text(element))


def read_construct(scope: Scope, element: Element, attributes: Attributes, default: str) -> Raw:
    """A text with its type, language and base: what feedparser calls a detail."""
    page = scope.page
    kind = _TYPES.get(attributes.get("type", default))
    if kind is None or "mode" in attributes:
        raise Unsure("type")
    base, lang = find_context(scope, attributes)
    value = render_xhtml(page, element) if kind == _XHTML else read_text(element)
    if kind == "text/plain" and not page.atom and ("&" in value or "</" in value) and looks_like_html(value):
        kind = "text/html"
    language = lang.replace("_", "-") if lang else None
    return {"value": repair(value), "type": kind, "language": language, "base": make_absolute(base, page.url)}


def render_xhtml(page: Page, element: Element) -> str:
    """The markup inside an element as feedparser writes it; in Atom without the <div> round it."""
    if page.xlink:
        raise Unsure("xlink")
    (child,) = element if len(element) == 1 else (None,)
    if (
        child is not None
        and page.version == "atom10"
        and split_tag(child.tag)[1] == "div"
        and not (element.text or "").strip()
        and not (child.tail or "").strip()
    ):
        _write_tag(page, child)
        element = child
    pieces: list[str] = []
    _render_inside(page, element, pieces)
    return "".join(pieces).strip()


def _render_inside(page: Page, element: Element, pieces: list[str]) -> None:
    pieces.append(escape(element.text or ""))
    for child in element:
        opening, closing = _write_tag(page, child)
        pieces.append(opening)
        _render_inside(page, child, pieces)
        pieces.append(closing)
        pieces.append(escape(child.tail or ""))


def _write_tag(page: Page, element: Element) -> tuple[str, str]:
    name = page.name(element)
    local = split_tag(element.tag)[1]
    if local in ("svg", "math") or local in _ADDRESSED or has_handler(name, "end"):
        raise Unsure(name)
    attributes = read_attributes(element)
    if any(tag[0] == "{" and not tag.startswith("{http://www.w3.org/XML/") for tag in element.keys()):
        raise Unsure("attributes of other namespaces")
    written = "".join(f' {key}="{escape(value, _QUOTE)}"' for key, value in attributes.items())
    return f"<{local}{written}>", f"</{local}>"


def read_date(page: Page, element: Element) -> str:
    """A date as written. Raises Unsure where perhaps only feedparser can read it (Korean, Greek ...)."""
    written = read_value(element)
    page.guard(written)
    if not written.isascii() and parse_date(" ".join(written[:MAX_DATE].split())) is None:
        raise Unsure("date")
    return written


def read_person(scope: Scope, element: Element) -> Raw:
    """An author as RSS gives it, a text, or as Atom does, in elements."""
    page = scope.page
    if not len(element):
        name = _read_author(page, element)
        return {"name": name} if name else {}
    person: Raw = {}
    for child in element:
        key = page.name(child)
        if key in ("name", "itunes_name"):
            person["name"] = read_text(child)
        elif key in ("email", "itunes_email"):
            person["email"] = read_text(child)
        elif key in ("uri", "url", "homepage"):
            person["href"] = read_link(scope, child, read_attributes(child))
            scope.put("href", person["href"])
        else:
            page.check_name(key)
            page.check_inert(child)
    if not person:
        raise Unsure("author without a name")
    return person


def _read_author(page: Page, element: Element) -> str:
    text = read_text(element)
    page.guard(text)
    if "@" in text:
        written = f"{element.prefix}:{element.tag.rpartition('}')[2]}" if element.prefix else element.tag
        if "&" in text or "<" in text or written.lower() not in _ADDRESSED:
            raise Unsure("address")
        text = drop_address(text).strip()
        if "@" in text:
            raise Unsure("address")
    return repair(text)


def read_link(scope: Scope, element: Element, attributes: Attributes) -> str:
    """The text of an element as an address, absolute; "" where there is none."""
    text = read_text(element)
    base, _ = find_context(scope, attributes)
    return repair(make_absolute(resolve(text, base), scope.page.url)) if text else ""


def read_identity(scope: Scope, element: Element, attributes: Attributes) -> tuple[str, str | None]:
    """A guid or id, and the link that it is where it does not say it is none."""
    text = read_text(element)
    if attributes.get("ispermalink", "true") != "true":
        return repair(text), None
    base, _ = find_context(scope, attributes)
    identity = repair(take_back(resolve(text, base))) if text else ""
    return identity, read_link(scope, element, attributes)


def add_tag(raw: Raw, term: str | None, scheme: str | None, label: str | None) -> None:
    tags = raw.setdefault("tags", [])
    tag = {"term": term, "scheme": scheme, "label": label}
    if (term or scheme or label) and tag not in tags:
        tags.append(tag)


def read_category(raw: Raw, element: Element, attributes: Attributes) -> None:
    scheme = attributes.get("scheme", attributes.get("domain"))
    add_tag(raw, attributes.get("term"), scheme, attributes.get("label"))
    value = read_value(element)
    tags = raw["tags"]
    if value and tags and not tags[-1]["term"]:
        tags[-1]["term"] = value
    elif value:
        add_tag(raw, value, None, None)
