"""Values of a well-formed feed -> what feedparser makes of them.

What a field means is decided in entries.py, for both readers. Here stands what feedparser does on the way
there: how texts are repaired, addresses resolved, types guessed and markup written again. Whatever it would
take more than that to foresee raises Unsure, and feedparser itself reads the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from lxml.etree import _Element as Element

from aggregator.dates import parse_date
from aggregator.parse import lenient
from aggregator.parse.document import MAX_ATTRIBUTES, drop_address, has_long_field, is_image_address
from aggregator.parse.fields import MAX_DATE
from aggregator.parse.lenient import NAMESPACES, Raw, split_tag

Attributes = dict[str, str]

_XHTML = "application/xhtml+xml"
_TYPES = {
    **dict.fromkeys(("text", "plain", "text/plain"), "text/plain"),
    **dict.fromkeys(("html", "text/html"), "text/html"),
    **dict.fromkeys(("xhtml", _XHTML), _XHTML),
}
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_XLINK = "/1999/xlink"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_QUOTE = {'"': "&quot;"}
_ADDRESSED = frozenset({"author", "managingeditor", "dc:creator", "itunes:author"})  # as written
_SHORT_FIELD = 42  # characters that were no more than MAX_NAME_FIELD even as references such as &#1593;


class Unsure(Exception):
    """What feedparser makes of this document is not certain."""


@dataclass(slots=True, kw_only=True)
class Page:
    """What holds for the whole document while it is read."""

    text: str
    url: str
    version: str
    may_have_c1: bool  # characters U+0080 to U+009F
    has_xlink: bool  # feedparser writes declarations of XLink, and of no other namespace, as attributes
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
            namespace, local = split_tag(element.tag)
            prefix = NAMESPACES.get(namespace, element.prefix or "").lower()
            name = self.names[key] = f"{prefix}_{local}" if prefix else local
        return name

    def check_inert(self, element: Element, allowed: frozenset[str] = frozenset()) -> None:
        """Raise Unsure where feedparser would find something in an element that is passed over."""
        for child in element.iterdescendants():
            name = self.name(child)
            if name not in allowed:
                self.check_name(name)
            self.guard(child.text)

    def check_name(self, name: str) -> None:
        if name in self.inert:
            return
        if lenient.has_meaning(name):
            raise Unsure(name)
        self.inert.add(name)

    def guard(self, text: str | None) -> None:
        """Raise Unsure where the text might be one that document.py cuts before feedparser sees it."""
        if not text or len(text) <= _SHORT_FIELD:
            return
        if self.long_field is None:
            self.long_field = has_long_field(self.text)
        if self.long_field:
            raise Unsure("long author or date")

    def repair(self, text: str) -> str:
        return lenient.repair(text, may_have_c1=self.may_have_c1)


@dataclass(slots=True, kw_only=True)
class Scope:
    """The feed, entry or source that is being read."""

    page: Page
    raw: Raw
    is_entry: bool = False
    base: str = lenient.DOCUMENT  # xml:base in force
    lang: str | None = None
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


def make_page(root: Element, text: str, body: bytes, url: str) -> Page:
    """Raise Unsure for a format that is not read here, and for prefixes that might mislead feedparser."""
    namespaces = tuple(root.nsmap.values())
    version = lenient.find_version(root.tag, read_attributes(root).get("version", ""), namespaces)
    if version is None or len(namespaces) > MAX_ATTRIBUTES or lenient.has_misleading_prefix(text):
        raise Unsure("format or prefix")
    may_have_c1 = "&#" in text or _C1.search(body) is not None
    return Page(text=text, url=url, version=version, may_have_c1=may_have_c1, has_xlink=_XLINK in text)


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
    if len(element.attrib) > MAX_ATTRIBUTES:
        raise Unsure("attributes")


def read_attributes(element: Element) -> Attributes:
    """By the names that feedparser gives them; those of unknown namespaces lose their prefix."""
    count = len(element.attrib)
    if not count:
        return {}
    if count > MAX_ATTRIBUTES:  # lxml looks for each of the items anew: 80,000 take it 10 s
        raise Unsure("attributes")
    attributes: Attributes = {}
    for tag, value in element.items():
        assert isinstance(tag, str)
        assert isinstance(value, str)
        name = _name_attribute(tag) if tag[0] == "{" else tag.lower()
        if name in attributes:
            raise Unsure("attributes of the same name")
        attributes[name] = value.lower() if name in ("rel", "type") else value
    return attributes


def _name_attribute(tag: str) -> str:
    namespace, local = split_tag(tag)
    prefix = NAMESPACES.get(namespace)
    return f"{prefix}:{local}" if prefix else local


def find_context(scope: Scope, attributes: Attributes) -> tuple[str, str | None]:
    """The base and language in force inside an element with these attributes."""
    base, lang = scope.base, scope.lang
    if not attributes:
        return base, lang
    written = attributes.get("xml:base", attributes.get("base"))
    if written:
        scope.page.has_bases = True
        base = lenient.resolve(written, base)
        if not base.startswith(("http://", "https://")) or lenient.resolve(base, base) != base:
            raise Unsure("base")
    lang = attributes.get("xml:lang", attributes.get("lang", lang))
    return base, lang or None


def check_context(scope: Scope, attributes: Attributes) -> None:
    """Raise Unsure where the children of an element would have another base or language than the element."""
    if find_context(scope, attributes) != (scope.base, scope.lang):
        raise Unsure("base or language of a container")


def make_absolute(scope: Scope, attributes: Attributes, reference: str) -> str:
    base, _ = find_context(scope, attributes)
    return lenient.make_absolute(lenient.resolve(reference, base), scope.page.url)


# --- values ---------------------------------------------------------------------------------------


def read_text(element: Element) -> str:
    if len(element):
        raise Unsure("elements in a text")
    return (element.text or "").strip()


def read_value(page: Page, element: Element) -> str:
    return page.repair(read_text(element))


def read_date(page: Page, element: Element) -> str:
    """A date as written. Raises Unsure where perhaps only feedparser can read it (Korean, Greek ...)."""
    written = read_value(page, element)
    page.guard(written)
    if not written.isascii() and parse_date(" ".join(written[:MAX_DATE].split())) is None:
        raise Unsure("date")
    return written


def read_link(scope: Scope, element: Element, attributes: Attributes) -> str:
    """The text of an element as an address, absolute; "" where there is none."""
    text = read_text(element)
    return scope.page.repair(make_absolute(scope, attributes, text)) if text else ""


def find_bare_address(scope: Scope, element: Element, attributes: Attributes) -> str | None:
    """The address in an <image> where RSS has <url>, which document.py puts round it."""
    if attributes or element.prefix or not is_image_address(element.text or ""):
        return None
    parent = element.getparent()
    if parent is None or element.nsmap != parent.nsmap:
        return None  # document.py looks for <image> without a declaration in it
    return read_link(scope, element, attributes)


def read_identity(scope: Scope, element: Element, attributes: Attributes) -> tuple[str, str | None]:
    """A guid or id, and the link that it is where it does not say it is none."""
    page = scope.page
    text = read_text(element)
    if attributes.get("ispermalink", "true") != "true":
        return page.repair(text), None
    base, _ = find_context(scope, attributes)
    identity = page.repair(lenient.take_back(lenient.resolve(text, base))) if text else ""
    return identity, read_link(scope, element, attributes)


def read_construct(scope: Scope, element: Element, attributes: Attributes, default: str) -> Raw:
    """A text with its type, language and base: what feedparser calls a detail."""
    page = scope.page
    kind = _TYPES.get(attributes.get("type", default))
    if kind is None or "mode" in attributes:
        raise Unsure("type")
    base, lang = find_context(scope, attributes)
    value = render_xhtml(page, element) if kind == _XHTML else read_text(element)
    if kind == "text/plain" and not page.atom and ("&" in value or "</" in value):
        kind = "text/html" if lenient.looks_like_html(value) else kind
    return {
        "value": page.repair(value),
        "type": kind,
        "language": lang.replace("_", "-") if lang else None,
        "base": page.url if base == lenient.DOCUMENT else lenient.make_absolute(base, page.url),
    }


def read_category(
    scope: Scope, element: Element, attributes: Attributes, *, scheme: str | None = None
) -> None:
    scheme = attributes.get("scheme", scheme or attributes.get("domain"))
    _add_tag(scope.raw, attributes.get("term"), scheme, attributes.get("label"))
    value = read_value(scope.page, element)
    tags = scope.raw["tags"]
    if value and tags and not tags[-1]["term"]:
        tags[-1]["term"] = value
    elif value:
        _add_tag(scope.raw, value, None, None)


def read_podcast_category(scope: Scope, element: Element, attributes: Attributes, *, scheme: str) -> None:
    read_category(scope, element, {"term": attributes.get("text", ""), "scheme": scheme})


def read_keywords(scope: Scope, element: Element, attributes: Attributes, *, scheme: str | None) -> None:
    if attributes:
        scope.page.check_inert(element)
        return
    for term in read_value(scope.page, element).split(","):
        if term.strip():
            _add_tag(scope.raw, term.strip(), scheme, None)


def _add_tag(raw: Raw, term: str | None, scheme: str | None, label: str | None) -> None:
    tags = raw.setdefault("tags", [])
    tag = {"term": term, "scheme": scheme, "label": label}
    if (term or scheme or label) and tag not in tags:
        tags.append(tag)


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
        local = element.tag.rpartition("}")[2]
        written = f"{element.prefix}:{local}" if element.prefix else local
        if "&" in text or "<" in text or written.lower() not in _ADDRESSED:
            raise Unsure("address")
        text = drop_address(text).strip()
        if "@" in text:
            raise Unsure("address")
    return page.repair(text)


def read_leaves(scope: Scope, element: Element, attributes: Attributes, *, names: frozenset[str]) -> None:
    """An image or a form: any other element inside, and feedparser takes the rest for the feed's own."""
    check_context(scope, attributes)
    scope.title_depth = -1
    for child in element:
        name = scope.page.name(child)
        if name not in names:
            raise Unsure(name)
        if read_text(child) and name == "title":
            scope.title_depth = scope.depth + 1


# --- markup ---------------------------------------------------------------------------------------


def render_xhtml(page: Page, element: Element) -> str:
    """The markup inside an element as feedparser writes it; in Atom without the <div> round it."""
    if page.has_xlink:
        raise Unsure("XLink")
    if page.atom and len(element) == 1 and not (element.text or "").strip():
        child = element[0]
        if split_tag(child.tag)[1] == "div" and not (child.tail or "").strip():
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
    if local in ("svg", "math") or local in _ADDRESSED or lenient.has_end_handler(name):
        raise Unsure(name)
    if any(str(tag).startswith("{") and not str(tag).startswith(_XML) for tag in element.keys()):  # noqa: SIM118
        raise Unsure("attributes of other namespaces")
    attributes = read_attributes(element)
    written = "".join(f' {key}="{escape(value, _QUOTE)}"' for key, value in attributes.items())
    return f"<{local}{written}>", f"</{local}>"
