"""The fast reader: well-formed RSS 0.9x, 1.0 and 2.0 and Atom 1.0 by lxml, to feedparser's result.

It answers only where that result is certain. lxml expands no entity, opens no file and no address, gives up
at 256 levels and takes linear time for attributes and nesting: what document.py guards feedparser from needs
no guard here. A handler says what feedparser keeps of an element, which goes by feedparser's name for it; an
element without one, of which feedparser does keep something, raises Unsure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from lxml import etree
from lxml.etree import _Element as Element

from aggregator.parse import elements as read
from aggregator.parse.document import describe_cut, find_feed, make_xml_parser
from aggregator.parse.elements import Attributes, Handler, Page, Scope, Unsure
from aggregator.parse.lenient import Raw, Reading

_PAGE_TYPES = frozenset({"html", "text/html", "xhtml", "application/xhtml+xml"})
_SEMICOLON = re.compile("&([A-Za-z0-9_]+);")
_ITUNES = "http://www.itunes.com/"
_AUTHORS = "author managingeditor dc_author dc_creator itunes_author"
_MEDIA_CATEGORIES = "http://search.yahoo.com/mrss/category_schema"

_ENTRIES = frozenset({"item", "entry"})
_OF_PERSONS = frozenset({"name", "email", "uri", "url", "homepage", "itunes_name", "itunes_email"})
_OF_IMAGES = frozenset({"title", "link", "url", "width", "height", "description"})
_OF_FORMS = frozenset({"title", "link", "name", "description"})
_OF_SOURCES = frozenset(
    "id guid link updated published subtitle rights category generator contributor icon logo".split()
)
_KEPT = ("icon", "logo", "ttl", "sy_updateperiod", "sy_updatefrequency")

_Part = tuple[Scope, Element, Mapping[str, Handler]]


def find_reading(text: str, *, url: str, max_entries: int) -> Reading | None:
    """What read_leniently would make of a document, in a fraction of the time; None where that is uncertain.

    `text` is the whole document. Never opens a file or URL, never raises for what a document says.
    """
    start = find_feed(text)
    if start is None:
        return None
    # The DOCTYPE stands before `start`, so no entity is declared; comments and instructions divide no text.
    parser = make_xml_parser(recover=False)
    try:
        body = text[start:].encode()
        root = etree.fromstring(body, parser)
        return _read_document(root, read.make_page(root, text, body, url), max_entries)
    except (etree.XMLSyntaxError, UnicodeEncodeError, Unsure):
        return None


def _read_document(root: Element, page: Page, max_entries: int) -> Reading:
    base, lang = read.find_context(Scope(page=page, raw={}, depth=0), read.read_attributes(root))
    raw: Raw = {"language": lang.replace("_", "-")} if lang and page.version != "rss10" else {}
    head = Scope(page=page, raw=raw, base=base, lang=lang, depth=1)
    parts, problems = _cut(_list_parts(head, root), page, max_entries)
    entries: list[Raw] = []
    for scope, element, handlers in parts:
        if page.name(element) in _ENTRIES:
            entries.append(_read_entry(scope, element))
            scope.title_depth = -1
        else:
            read.read_element(scope, element, handlers)
    if page.has_bases and "title_detail" not in raw:
        raise Unsure("base of a feed without a title")
    schedule = page.text if page.has_schedule else ""
    return Reading(
        version=page.version, head=raw, entries=tuple(entries), problems=problems, schedule=schedule
    )


def _list_parts(head: Scope, root: Element) -> list[_Part]:
    """All that is said of the feed and its entries, in the order of the document."""
    if head.page.atom:
        return [(head, part, _ATOM_HEAD) for part in root]
    if not len(root) or head.page.name(root[0]) != "channel":
        raise Unsure("channel")  # a title before that of the channel hides it
    base, lang = read.find_context(head, _read_container(root[0]))
    channel = replace(head, base=base, lang=lang, depth=head.depth + 1)
    beside = list(root)[1:]
    return [*((channel, part, HEAD) for part in root[0]), *((head, part, _BESIDE) for part in beside)]


def _read_container(element: Element) -> Attributes:
    attributes = read.read_attributes(element)
    if "href" in attributes or "lastmod" in attributes:
        raise Unsure("Channel Definition Format")
    return attributes


def _cut(parts: list[_Part], page: Page, max_entries: int) -> tuple[list[_Part], tuple[str, ...]]:
    entries = [index for index, (_, element, _) in enumerate(parts) if page.name(element) in _ENTRIES]
    if len(entries) <= max_entries:
        return parts, ()
    first, last = entries[max_entries], entries[-1]
    if last - first != len(entries) - 1 - max_entries or not all(len(parts[index][1]) for index in entries):
        raise Unsure("document.py counts and cuts otherwise")
    return parts[:first] + parts[last + 1 :], (describe_cut(max_entries, len(entries)),)


def _read_entry(head: Scope, element: Element) -> Raw:
    attributes = _read_container(element)
    base, lang = read.find_context(head, attributes)
    about = attributes.get("rdf:about")
    raw: Raw = {"id": about} if about else {}
    entry = Scope(page=head.page, raw=raw, is_entry=True, base=base, lang=lang, depth=head.depth + 1)
    for child in element:
        read.read_element(entry, child, ENTRY)
    head.page.has_content = False
    return raw


# --- elements of feeds and entries ----------------------------------------------------------------


def _pass(scope: Scope, element: Element, _: Attributes, *, allowed: frozenset[str] = frozenset()) -> None:
    scope.page.guard(element.text)
    scope.page.check_inert(element, allowed)


def _text(scope: Scope, element: Element, _: Attributes, *, key: str) -> None:
    scope.put(key, read.read_value(scope.page, element))


def _keep(scope: Scope, element: Element, attributes: Attributes, *, key: str) -> None:
    """An element without a handler: feedparser keeps its text, or its attributes where it has any."""
    if attributes:
        scope.page.check_inert(element)
        scope.raw[key] = attributes
    elif key in ("icon", "logo"):
        scope.put(key, read.read_link(scope, element, attributes))
    else:
        _text(scope, element, attributes, key=key)


def _title(scope: Scope, element: Element, attributes: Attributes, *, counts: bool = True) -> None:
    detail = read.read_construct(scope, element, attributes, "text/plain")
    if not -1 < scope.title_depth <= scope.depth:
        scope.put("title", detail["value"])
        scope.raw["title_detail"] = detail
    if counts and detail["value"]:
        scope.title_depth = scope.depth


def _link(scope: Scope, element: Element, attributes: Attributes) -> None:
    rel = attributes.setdefault("rel", "alternate")
    attributes.setdefault("type", "application/atom+xml" if rel == "self" else "text/html")
    href = attributes.get("url", attributes.get("uri")) or attributes.get("href")
    scope.raw.setdefault("links", []).append(attributes)
    if href is not None:
        scope.page.check_inert(element)
        attributes["href"] = read.make_absolute(scope, attributes, href)
        if rel == "alternate" and attributes["type"] in _PAGE_TYPES:
            scope.raw["link"] = attributes["href"]
        return
    link = read.read_link(scope, element, attributes)
    link = _SEMICOLON.sub(r"&\1", link.replace("&amp;", "&") if scope.is_entry else link)
    scope.raw["link"] = link
    if link or not scope.is_entry:
        attributes["href"] = link


def _identity(scope: Scope, element: Element, attributes: Attributes) -> None:
    identity, link = read.read_identity(scope, element, attributes)
    scope.put("id", identity)
    if link is not None:
        scope.raw.setdefault("link", link)


def _author(scope: Scope, element: Element, attributes: Attributes) -> None:
    read.check_context(scope, attributes)
    person = read.read_person(scope, element)
    if person and scope.raw.setdefault("author_in_words", not len(element)) and len(element):
        raise Unsure("authors")  # feedparser gives the name of the second to the first as well
    scope.raw.setdefault("authors", []).append(person)


def _itunes_image(scope: Scope, element: Element, attributes: Attributes) -> None:
    scope.page.check_inert(element)
    href = attributes.get("href") or attributes.get("url")
    if href:
        scope.raw["image"] = {"href": href}


def _head_text(scope: Scope, element: Element, attributes: Attributes, *, key: str) -> None:
    """What describes a feed is not read, but the second one counts as content of the first entry."""
    read.find_context(scope, attributes)
    scope.page.check_inert(element)
    if key and "summary" in scope.raw and not scope.page.has_content:
        scope.page.has_content = True
    elif key == "summary":
        scope.raw["summary"] = ""


def _head_image(scope: Scope, element: Element, attributes: Attributes) -> None:
    image = scope.raw.setdefault("image", {})
    read.read_leaves(scope, element, attributes, names=_OF_IMAGES)
    address = read.find_bare_address(scope, element, attributes)
    for child in element:
        if scope.page.name(child) == "url":
            address = read.read_link(scope, child, read.read_attributes(child))
    if address is not None:
        image["href"] = address


def _schedule(scope: Scope, element: Element, _: Attributes) -> None:
    scope.page.has_schedule = True
    scope.page.check_inert(element)


# --- elements of entries --------------------------------------------------------------------------


def _summary(scope: Scope, element: Element, attributes: Attributes, *, default: str = "text/html") -> None:
    if "summary" in scope.raw and not scope.page.has_content:
        _content(scope, element, attributes)
    else:
        detail = scope.raw["summary_detail"] = read.read_construct(scope, element, attributes, default)
        scope.put("summary", detail["value"])


def _content(scope: Scope, element: Element, attributes: Attributes, *, default: str = "text/plain") -> None:
    scope.page.has_content = True
    detail = read.read_construct(scope, element, attributes, default)
    if default == "text/plain" and attributes.get("src"):
        detail["src"] = attributes["src"]
    scope.raw.setdefault("content", []).append(detail)
    scope.raw.setdefault("summary", detail["value"])


def _subtitle(scope: Scope, element: Element, attributes: Attributes) -> None:
    scope.raw["subtitle_detail"] = read.read_construct(scope, element, attributes, "text/plain")


def _date(scope: Scope, element: Element, _: Attributes, *, key: str) -> None:
    scope.put(key, read.read_date(scope.page, element))


def _enclosure(scope: Scope, element: Element, attributes: Attributes) -> None:
    scope.page.check_inert(element)
    href = attributes.get("url", attributes.get("uri")) or attributes.get("href")
    link = {**attributes, "rel": "enclosure"}
    if href:
        link["href"] = href
    scope.raw.setdefault("links", []).append(link)


def _media(scope: Scope, element: Element, attributes: Attributes, *, is_content: bool = False) -> None:
    if is_content:
        scope.raw.setdefault("media_content", []).append(attributes)
    outside = scope.base, scope.lang
    scope.base, scope.lang = read.find_context(scope, attributes)
    scope.depth += 1
    for child in element:
        read.read_element(scope, child, _MEDIA)
    scope.depth -= 1
    scope.base, scope.lang = outside


def _thumbnail(scope: Scope, element: Element, attributes: Attributes) -> None:
    url = read.read_link(scope, element, attributes)
    if url:
        attributes.setdefault("url", url)
    scope.raw.setdefault("media_thumbnail", []).append(attributes)
    scope.put("url", url, stored_as="href")  # feedparser has one key for both


def _entry_image(scope: Scope, element: Element, attributes: Attributes) -> None:
    read.check_context(scope, attributes)
    scope.title_depth = -1
    scope.depth += 1
    if (address := read.find_bare_address(scope, element, attributes)) is not None:
        scope.put("href", address)
    for child in element:
        name, written = scope.page.name(child), read.read_attributes(child)
        if name == "url":
            scope.put("href", read.read_link(scope, child, written))
        elif name == "title":
            _title(scope, child, written)
        elif name not in ("link", "width", "height") or written or len(child):
            raise Unsure(name)
    scope.depth -= 1


def _source(scope: Scope, element: Element, attributes: Attributes) -> None:
    base, lang = read.find_context(scope, attributes)
    source = Scope(page=scope.page, raw={}, base=base, lang=lang, depth=scope.depth + 1)
    scope.title_depth = -1
    for child in element:
        name = scope.page.name(child)
        if name in ("author", "dc_creator"):
            _author(source, child, read.read_attributes(child))
        elif name == "title":
            scope.title_depth = source.depth if read.read_text(child) else scope.title_depth
        else:
            if name not in _OF_SOURCES:
                scope.page.check_name(name)
            _pass(scope, child, {}, allowed=_OF_PERSONS)
    scope.raw["source"] = source.raw


def _each(names: str, handler: Handler) -> dict[str, Handler]:
    return dict.fromkeys(names.split(), handler)


_COMMON: dict[str, Handler] = {
    **_each("title dc_title", _title),
    "media_title": partial(_title, counts=False),
    "link": _link,
    **_each("id guid", _identity),
    **_each("language dc_language", partial(_text, key="language")),
    **_each("itunes_image itunes_link", _itunes_image),
    **_each(
        """cc_license cloud copyright creativecommons_license dc_publisher dcterms_valid dc_rights
        expirationdate generator georss_box georss_line georss_point georss_polygon itunes_block
        itunes_explicit media_credit media_license media_player media_rating media_restriction rights
        webmaster""",
        _pass,
    ),
}

HEAD: dict[str, Handler] = {
    **_COMMON,
    **_each(f"{_AUTHORS} contributor dc_contributor itunes_owner", partial(_pass, allowed=_OF_PERSONS)),
    **_each("description dc_description media_description", partial(_head_text, key="description")),
    **_each("summary itunes_summary", partial(_head_text, key="summary")),
    **_each("subtitle tagline itunes_subtitle", partial(_head_text, key="")),
    **_each("skiphours skipdays", _schedule),
    **{key: partial(_keep, key=key) for key in _KEPT},
    "image": _head_image,
    "textinput": partial(read.read_leaves, names=_OF_FORMS),
    "itunes_category": partial(_pass, allowed=frozenset({"itunes_category"})),
    **_each(
        """admin_errorreportsto admin_generatoragent category created dcterms_created dcterms_issued
        dcterms_modified dc_date dc_subject feedburner_browserfriendly issued itunes_keywords keywords
        lastbuilddate media_category media_content media_keywords media_thumbnail modified pubdate published
        updated""",
        _pass,
    ),
}

# Entries of Atom inherit the authors of the feed; feedparser gives an owner's name to the last of them.
_ATOM_HEAD = {**HEAD, **_each(_AUTHORS, _author)}
del _ATOM_HEAD["itunes_owner"]

# RSS 1.0 has them outside the channel, where feedparser keeps nothing of them.
_BESIDE: dict[str, Handler] = {
    "image": partial(read.read_leaves, names=_OF_IMAGES),
    "textinput": partial(read.read_leaves, names=_OF_FORMS),
}

ENTRY: dict[str, Handler] = {
    **_COMMON,
    **_each(_AUTHORS, _author),
    # In RSS their address would take the place of the image's.
    **_each("contributor dc_contributor", partial(_pass, allowed=frozenset({"name", "email"}))),
    **_each("description dc_description media_description", _summary),
    **_each("summary itunes_summary", partial(_summary, default="text/plain")),
    **_each("subtitle tagline itunes_subtitle", _subtitle),
    **_each("published issued pubdate dcterms_issued", partial(_date, key="published")),
    **_each("updated modified dc_date dcterms_modified lastbuilddate", partial(_date, key="updated")),
    **_each("created dcterms_created", partial(_date, key="created")),
    **_each("category keywords dc_subject", read.read_category),
    "media_category": partial(read.read_category, scheme=_MEDIA_CATEGORIES),
    "itunes_category": partial(read.read_podcast_category, scheme=_ITUNES),
    "media_keywords": partial(read.read_keywords, scheme=None),
    "itunes_keywords": partial(read.read_keywords, scheme=_ITUNES),
    "content": _content,
    "content_encoded": partial(_content, default="text/html"),
    "feedburner_origlink": partial(_keep, key="feedburner_origlink"),
    "enclosure": _enclosure,
    "media_content": partial(_media, is_content=True),
    "media_group": _media,
    "media_thumbnail": _thumbnail,
    "image": _entry_image,
    "source": _source,
}

_MEDIA = {name: handler for name, handler in ENTRY.items() if name.startswith("media_")}
