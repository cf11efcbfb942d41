"""The fast reader: well-formed RSS 0.9x, 1.0 and 2.0 and Atom 1.0 by lxml, for feedparser's result.

It answers only where that result is certain. lxml never expands an entity, opens no file and no address, and
gives up at 256 levels; it takes linear time for attributes and nesting, so none of what document.py guards
feedparser from needs guarding from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from lxml import etree
from lxml.etree import _Element as Element

from aggregator.parse.document import MAX_ATTRIBUTES, describe_cut, find_feed, is_image_address
from aggregator.parse.elements import (
    Attributes,
    Handler,
    Page,
    Scope,
    Unsure,
    add_tag,
    find_context,
    read_attributes,
    read_category,
    read_children,
    read_construct,
    read_date,
    read_element,
    read_identity,
    read_link,
    read_person,
    read_text,
    read_value,
    split_tag,
)
from aggregator.parse.lenient import DOCUMENT, NAMESPACES, Raw, Reading, make_absolute, resolve

_ATOM = "http://www.w3.org/2005/atom"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DECLARED_VERSIONS = {"http://purl.org/rss/1.0/": "rss10", _ATOM: "atom10"}
_RSS_VERSIONS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
_KNOWN_PREFIXES = frozenset(prefix.lower() for prefix in NAMESPACES.values())
_DECLARATION = re.compile(r"""xmlns:([^\s=<>"']+)\s*=\s*["']([^"'<>]*)""")
_PAGE_TYPES = frozenset({"html", "text/html", "xhtml", "application/xhtml+xml"})
_SEMICOLON = re.compile("&([A-Za-z0-9_]+);")
_ITUNES = "http://www.itunes.com/"
_MEDIA_CATEGORIES = "http://search.yahoo.com/mrss/category_schema"


def find_reading(text: str, *, url: str, max_entries: int) -> Reading | None:
    """What read_leniently would make of a document, in a fraction of the time; None where that is not certain.

    `text` is the whole document. Never opens a file or URL, never raises for what a document says.
    """
    start = find_feed(text)
    if start is None:
        return None
    # Comments and instructions divide no text; entities have no declarations left.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text[start:].encode(), parser)
        return _read_root(root, text, start, url=url, max_entries=max_entries)
    except (etree.XMLSyntaxError, UnicodeEncodeError, Unsure):
        return None


def _read_root(root: Element, text: str, start: int, *, url: str, max_entries: int) -> Reading:
    namespaces = root.nsmap
    if len(namespaces) > MAX_ATTRIBUTES:
        raise Unsure("attributes")
    xlink = _check_prefixes(text, start)
    attributes = read_attributes(root)
    version = _find_version(root, attributes, namespaces)
    page = Page(text=text, url=url, version=version, xlink=xlink)
    outside = Scope(page=page, raw={}, is_entry=False, base=DOCUMENT, lang=None, depth=1)
    base, lang = find_context(outside, attributes)
    named = {"language": lang.replace("_", "-")} if lang and version != "rss10" else {}
    head = Scope(page=page, raw=named, is_entry=False, base=base, lang=lang, depth=2)
    entries = _Entries(page, max_entries)
    if version == "atom10":
        _read_container(head, root, attributes, entries)
    else:
        _read_channels(head, root, entries)
    if page.has_bases and "title_detail" not in head.raw:
        raise Unsure("base of a feed without a title")
    return Reading(
        version=version,
        head=head.raw,
        entries=tuple(entries.read),
        problems=entries.list_problems(),
        schedule=text if page.has_schedule else "",
    )


def _check_prefixes(text: str, start: int) -> bool:
    """Whether XLink is declared anywhere. Raises Unsure where a prefix might change its meaning on the way.

    feedparser maps prefixes, not names. Declarations in CDATA sections count too: they are few, and to tell
    them apart is not worth the time.
    """
    meanings: dict[str, str] = {}
    for prefix, uri in set(_DECLARATION.findall(text, start)):
        known = NAMESPACES.get(split_tag(f"{{{uri}}}")[0])
        meaning = uri if known is None else known.lower()
        prefix = prefix.lower()
        if "&" in uri or meanings.setdefault(prefix, meaning) != meaning:
            raise Unsure("prefix of several meanings")
        if known is not None and prefix != meaning and prefix in _KNOWN_PREFIXES:
            raise Unsure("prefix that is usually another one's")
    return "xlink" in meanings.values()


def _find_version(root: Element, attributes: Attributes, namespaces: Mapping[str | None, str]) -> str:
    uris = (uri.lower() for uri in namespaces.values())
    declared = next((_DECLARED_VERSIONS[uri] for uri in uris if uri in _DECLARED_VERSIONS), "")
    namespace, local = split_tag(root.tag)
    if local == "rss" and NAMESPACES.get(namespace) == "" and declared != "rss10":
        version = attributes.get("version", "")
        return _RSS_VERSIONS.get(version) or ("rss20" if version.startswith("2.") else "rss")
    if (namespace, local, declared) in ((_RDF, "rdf", "rss10"), (_ATOM, "feed", "atom10")):
        return declared
    raise Unsure("format")


class _Entries:
    """The entries of a document, as they are read; of those beyond the limit only the number."""

    def __init__(self, page: Page, max_entries: int) -> None:
        self.page = page
        self.max_entries = max_entries
        self.read: list[Raw] = []
        self.found = 0
        self.parted = False  # something else stands between those beyond the limit
        self.empty = False

    def add(self, element: Element, head: Scope) -> None:
        self.found += 1
        self.empty = self.empty or not len(element)
        if self.found <= self.max_entries:
            self.read.append(_read_entry(element, head))
        elif self.parted:
            raise Unsure("entries beyond the limit, in several places")

    def list_problems(self) -> tuple[str, ...]:
        if self.found <= self.max_entries:
            return ()
        if self.empty:
            raise Unsure("document.py does not count <item/>")
        return (describe_cut(self.max_entries, self.found),)


def _read_container(head: Scope, parent: Element, attributes: Attributes, entries: _Entries) -> None:
    if "href" in attributes or "lastmod" in attributes:
        raise Unsure("CDF")
    for child in parent:
        if head.page.name(child) in ("item", "entry"):
            entries.add(child, head)
            head.title_depth = -1
        else:
            entries.parted = entries.found > entries.max_entries
            read_element(head, child, HEAD)


def _read_channels(head: Scope, root: Element, entries: _Entries) -> None:
    page = head.page
    names = [page.name(child) for child in root]
    if names[:1] != ["channel"] or "channel" in names[1:]:
        raise Unsure("channels")  # a title before that of the channel hides it
    for child, name in zip(root, names, strict=True):
        if name == "channel":
            attributes = read_attributes(child)
            base, lang = find_context(head, attributes)
            inside = replace(head, base=base, lang=lang, depth=head.depth + 1)
            _read_container(inside, child, attributes, entries)
        elif name in ("item", "entry"):
            entries.add(child, head)
        elif name in ("image", "textinput"):  # RSS 1.0 has them here, where feedparser keeps nothing of them
            page.check_inert(child, _OF_IMAGES | _OF_FORMS)
        else:
            entries.parted = entries.found > entries.max_entries
            page.check_name(name)
            page.check_inert(child)


def _read_entry(element: Element, head: Scope) -> Raw:
    attributes = read_attributes(element)
    if "href" in attributes or "lastmod" in attributes:
        raise Unsure("CDF")
    base, lang = find_context(head, attributes)
    about = attributes.get("rdf:about")
    entry = Scope(
        page=head.page,
        raw={"id": about} if about else {},
        is_entry=True,
        base=base,
        lang=lang,
        depth=head.depth + 1,
    )
    read_children(entry, element, ENTRY)
    head.page.has_content = False
    return entry.raw


# --- elements of feeds and entries ----------------------------------------------------------------


def _pass_over(
    scope: Scope, element: Element, _: Attributes, *, allowed: frozenset[str] = frozenset()
) -> None:
    scope.page.guard(element.text)
    scope.page.check_inert(element, allowed)


def _title(scope: Scope, element: Element, attributes: Attributes, *, counts: bool = True) -> None:
    detail = read_construct(scope, element, attributes, "text/plain")
    if not -1 < scope.title_depth <= scope.depth:
        scope.put("title", detail["value"])
        scope.raw["title_detail"] = detail
    if counts and detail["value"]:
        scope.title_depth = scope.depth


def _link(scope: Scope, element: Element, attributes: Attributes) -> None:
    rel = attributes.setdefault("rel", "alternate")
    attributes.setdefault("type", "application/atom+xml" if rel == "self" else "text/html")
    href = attributes.get("url", attributes.get("uri", attributes.get("href"))) or attributes.get("href")
    scope.raw.setdefault("links", []).append(attributes)
    if href is not None:
        scope.page.check_inert(element)
        base, _ = find_context(scope, attributes)
        attributes["href"] = make_absolute(resolve(href, base), scope.page.url)
        if rel == "alternate" and attributes["type"] in _PAGE_TYPES:
            scope.raw["link"] = attributes["href"]
        return
    link = read_link(scope, element, attributes)
    link = _SEMICOLON.sub(r"&\1", link.replace("&amp;", "&") if scope.is_entry else link)
    scope.raw["link"] = link
    if link or not scope.is_entry:
        attributes["href"] = link


def _identity(scope: Scope, element: Element, attributes: Attributes) -> None:
    identity, link = read_identity(scope, element, attributes)
    scope.put("id", identity)
    if link is not None:
        scope.raw.setdefault("link", link)


def _language(scope: Scope, element: Element, _: Attributes) -> None:
    scope.put("language", read_value(element))


def _author(scope: Scope, element: Element, _: Attributes) -> None:
    authors = scope.raw.setdefault("authors", [])
    if len(element) and any(authors):
        raise Unsure("authors")  # feedparser gives the name of the second to the first as well
    authors.append(read_person(scope, element))


def _itunes_image(scope: Scope, element: Element, attributes: Attributes) -> None:
    scope.page.check_inert(element)
    href = attributes.get("href") or attributes.get("url")
    if href:
        scope.raw["image"] = {"href": href}


def _keep(scope: Scope, element: Element, attributes: Attributes, *, key: str, is_link: bool = False) -> None:
    """An element without a handler: feedparser keeps its text, or its attributes where it has any."""
    if attributes:
        scope.page.check_inert(element)
        scope.raw[key] = attributes
        return
    scope.put(key, read_link(scope, element, attributes) if is_link else read_value(element))


# --- elements of feeds ----------------------------------------------------------------------------


def _head_author(scope: Scope, element: Element, attributes: Attributes) -> None:
    if scope.page.atom:
        _author(scope, element, attributes)
    else:
        _pass_over(scope, element, attributes, allowed=_PERSON)


def _head_text(scope: Scope, element: Element, attributes: Attributes, *, key: str) -> None:
    """What describes a feed is not read, but the second one counts as content of the first entry."""
    find_context(scope, attributes)
    scope.page.check_inert(element)
    if "summary" in scope.raw and key and not scope.page.has_content:
        scope.page.has_content = True
    elif key == "summary":
        scope.raw["summary"] = ""


def _head_image(scope: Scope, element: Element, attributes: Attributes) -> None:
    scope.title_depth = -1
    image = scope.raw.setdefault("image", {})
    if not attributes and not element.prefix and is_image_address(element.text or ""):
        image["href"] = read_link(scope, element, attributes)
    _read_inside(scope, element, _OF_IMAGES)
    for child in element:
        if scope.page.name(child) == "url":
            image["href"] = read_link(scope, child, read_attributes(child))


def _form(scope: Scope, element: Element, _: Attributes) -> None:
    scope.title_depth = -1
    _read_inside(scope, element, _OF_FORMS)


def _read_inside(scope: Scope, element: Element, names: frozenset[str]) -> None:
    for child in element:
        name = scope.page.name(child)
        if name not in names:
            raise Unsure(name)
        if read_text(child) and name == "title":
            scope.title_depth = scope.depth + 1


def _schedule(scope: Scope, element: Element, _: Attributes) -> None:
    scope.page.has_schedule = True
    scope.page.check_inert(element)


# --- elements of entries --------------------------------------------------------------------------


def _description(
    scope: Scope, element: Element, attributes: Attributes, *, default: str = "text/html"
) -> None:
    if "summary" in scope.raw and not scope.page.has_content:
        _content(scope, element, attributes)
        return
    detail = read_construct(scope, element, attributes, default)
    scope.put("summary", detail["value"])
    scope.raw["summary_detail"] = detail


def _content(scope: Scope, element: Element, attributes: Attributes, *, default: str = "text/plain") -> None:
    scope.page.has_content = True
    detail = read_construct(scope, element, attributes, default)
    if default == "text/plain" and attributes.get("src"):
        detail["src"] = attributes["src"]
    scope.raw.setdefault("content", []).append(detail)
    scope.raw.setdefault("summary", detail["value"])


def _subtitle(scope: Scope, element: Element, attributes: Attributes) -> None:
    scope.raw["subtitle_detail"] = read_construct(scope, element, attributes, "text/plain")


def _date(scope: Scope, element: Element, _: Attributes, *, key: str) -> None:
    scope.put(key, read_date(scope.page, element))


def _category(scope: Scope, element: Element, attributes: Attributes, *, scheme: str | None = None) -> None:
    if scheme is not None:
        attributes.setdefault("scheme", scheme)
    read_category(scope.raw, element, attributes)


def _itunes_category(scope: Scope, element: Element, attributes: Attributes) -> None:
    add_tag(scope.raw, attributes.get("text"), _ITUNES, None)
    read_category(scope.raw, element, {})


def _keywords(scope: Scope, element: Element, attributes: Attributes, *, scheme: str | None) -> None:
    if attributes:
        scope.page.check_inert(element)
        return
    for term in read_value(element).split(","):
        if term.strip():
            add_tag(scope.raw, term.strip(), scheme, None)


def _enclosure(scope: Scope, element: Element, attributes: Attributes) -> None:
    scope.page.check_inert(element)
    href = attributes.get("url", attributes.get("uri", attributes.get("href")))
    link = {**attributes, "rel": "enclosure"}
    if href:
        link["href"] = href
    scope.raw.setdefault("links", []).append(link)


def _media(scope: Scope, element: Element, attributes: Attributes, *, is_content: bool) -> None:
    if is_content:
        scope.raw.setdefault("media_content", []).append(attributes)
    if not len(element):
        return
    base, lang = scope.base, scope.lang
    scope.base, scope.lang = find_context(scope, attributes)
    scope.depth += 1
    read_children(scope, element, _MEDIA)
    scope.depth -= 1
    scope.base, scope.lang = base, lang


def _thumbnail(scope: Scope, element: Element, attributes: Attributes) -> None:
    url = read_link(scope, element, attributes)
    if url:
        attributes.setdefault("url", url)
    scope.raw.setdefault("media_thumbnail", []).append(attributes)
    scope.put("url", url, stored_as="href")  # feedparser has one key for both


def _entry_image(scope: Scope, element: Element, attributes: Attributes) -> None:
    scope.title_depth = -1
    if not attributes and not element.prefix and is_image_address(element.text or ""):
        scope.put("href", read_link(scope, element, attributes))
    scope.depth += 1
    for child in element:
        name, written = scope.page.name(child), read_attributes(child)
        if name == "url":
            scope.put("href", read_link(scope, child, written))
        elif name == "title":
            _title(scope, child, written)
        elif name not in ("link", "width", "height") or written or len(child):
            raise Unsure(name)
    scope.depth -= 1


def _source(scope: Scope, element: Element, attributes: Attributes) -> None:
    scope.title_depth = -1
    base, lang = find_context(scope, attributes)
    source = Scope(page=scope.page, raw={}, is_entry=False, base=base, lang=lang, depth=scope.depth + 1)
    for child in element:
        name = scope.page.name(child)
        if name in ("author", "dc_creator"):
            _author(source, child, read_attributes(child))
        elif name == "title":
            scope.title_depth = source.depth if read_text(child) else scope.title_depth
        else:
            if name not in _OF_SOURCES:
                scope.page.check_name(name)
            scope.page.check_inert(child, _PERSON)
    scope.raw["source"] = source.raw


def _contributor(scope: Scope, element: Element, attributes: Attributes) -> None:
    # Their address would take the place of an image's in RSS.
    _pass_over(scope, element, attributes, allowed=_PERSON if scope.page.atom else frozenset({"name"}))


_PERSON = frozenset({"name", "email", "uri", "url", "homepage", "itunes_name", "itunes_email"})
_OF_IMAGES = frozenset({"title", "link", "url", "width", "height", "description"})
_OF_FORMS = frozenset({"title", "link", "description", "name"})
_OF_SOURCES = frozenset(
    "id guid link updated published subtitle rights category generator contributor icon logo".split()
)

_COMMON: dict[str, Handler] = {
    "title": _title,
    "dc_title": _title,
    "media_title": partial(_title, counts=False),
    "link": _link,
    "id": _identity,
    "guid": _identity,
    "language": _language,
    "dc_language": _language,
    "itunes_image": _itunes_image,
    "itunes_link": _itunes_image,
    **dict.fromkeys(
        """cc_license cloud copyright creativecommons_license creativeCommons_license dc_publisher
        dcterms_valid dc_rights expirationdate generator georss_box georss_line georss_point georss_polygon
        itunes_block itunes_explicit media_credit media_license media_player media_rating media_restriction
        rights webmaster""".split(),
        _pass_over,
    ),
}

HEAD: dict[str, Handler] = {
    **_COMMON,
    **dict.fromkeys("author managingeditor dc_author dc_creator itunes_author".split(), _head_author),
    **dict.fromkeys("contributor dc_contributor itunes_owner".split(), partial(_pass_over, allowed=_PERSON)),
    **dict.fromkeys("description dc_description media_description".split(), partial(_head_text, key="subtitle")),
    **dict.fromkeys("summary itunes_summary".split(), partial(_head_text, key="summary")),
    **dict.fromkeys("subtitle tagline itunes_subtitle".split(), partial(_head_text, key="")),
    **dict.fromkeys(("skiphours", "skipdays"), _schedule),
    **dict.fromkeys(
        """admin_errorreportsto admin_generatoragent category created dcterms_created dcterms_issued
        dcterms_modified dc_date dc_subject feedburner_browserfriendly issued itunes_keywords
        keywords lastbuilddate media_category media_content media_keywords media_thumbnail modified pubdate
        published updated""".split(),
        _pass_over,
    ),
    "itunes_category": partial(_pass_over, allowed=frozenset({"itunes_category"})),
    "image": _head_image,
    "textinput": _form,
    "icon": partial(_keep, key="icon", is_link=True),
    "logo": partial(_keep, key="logo", is_link=True),
    "ttl": partial(_keep, key="ttl"),
    "sy_updateperiod": partial(_keep, key="sy_updateperiod"),
    "sy_updatefrequency": partial(_keep, key="sy_updatefrequency"),
}

ENTRY: dict[str, Handler] = {
    **_COMMON,
    **dict.fromkeys("author managingeditor dc_author dc_creator itunes_author".split(), _author),
    **dict.fromkeys("contributor dc_contributor".split(), _contributor),
    **dict.fromkeys("description dc_description media_description".split(), _description),
    **dict.fromkeys("summary itunes_summary".split(), partial(_description, default="text/plain")),
    **dict.fromkeys("subtitle tagline itunes_subtitle".split(), _subtitle),
    **dict.fromkeys("published issued pubdate dcterms_issued".split(), partial(_date, key="published")),
    **dict.fromkeys(
        "updated modified dc_date dcterms_modified lastbuilddate".split(), partial(_date, key="updated")
    ),
    **dict.fromkeys("created dcterms_created".split(), partial(_date, key="created")),
    **dict.fromkeys("category keywords dc_subject".split(), _category),
    "content": _content,
    "content_encoded": partial(_content, default="text/html"),
    "media_category": partial(_category, scheme=_MEDIA_CATEGORIES),
    "itunes_category": _itunes_category,
    "itunes_keywords": partial(_keywords, scheme=_ITUNES),
    "media_keywords": partial(_keywords, scheme=None),
    "feedburner_origlink": partial(_keep, key="feedburner_origlink"),
    "enclosure": _enclosure,
    "media_content": partial(_media, is_content=True),
    "media_group": partial(_media, is_content=False),
    "media_thumbnail": _thumbnail,
    "image": _entry_image,
    "source": _source,
}

_MEDIA = {name: handler for name, handler in ENTRY.items() if name.startswith("media_")}
