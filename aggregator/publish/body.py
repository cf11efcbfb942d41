"""What all published formats say alike about an article, so that they cannot disagree."""

from __future__ import annotations

import html
import re
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar
from urllib.parse import quote, urlsplit

from aggregator.model import Article, Coverage, Enclosure, FeedHead, Image, Site
from aggregator.publish.pictures import image_src
from aggregator.text import strip_controls

RSS_TYPE = "application/rss+xml"
ATOM_TYPE = "application/atom+xml"
JSON_TYPE = "application/feed+json"

GENERATOR = "aggregator"  # without a version: an upgrade must not change every document
UNKNOWN_LANG = "und"

_UNKNOWN_TYPE = "application/octet-stream"
# Not the standard library's mimetypes, whose answers come from files of the machine it runs on.
_TYPES = {
    "avif": "image/avif",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
}
_URI_MARKS = "%:/?#[]@!$&'()*+,;=-._~"  # RFC 3986, 2.2 and 2.3; % because what is encoded stays so
# What `quote` leaves and RFC 3986 forbids: a bracket or a second # behind the host, a % that encodes nothing.
_FORBIDDEN_MARKS = re.compile(r"[\[\]]|%(?![0-9A-Fa-f]{2})|(?<=#)[^#]*#")
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*|")
# What XML allows and nobody means: marks of letters lost on the way here, and no characters at all.
_LOST = re.compile(
    "[\ufffd\ufdd0-\ufdef"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "]"
)
# Sanitised HTML has `<` and `>` as marks of tags and nowhere else.
_IMG = re.compile("<img[^>]*>")
_SRC = re.compile(r'\ssrc="([^"]*)"')

T = TypeVar("T")


def strip_all(value: T) -> T:
    """The same value without the characters XML 1.0 forbids, in every text it holds, however deep.

    One such character would make the whole feed unreadable. U+FFFD, noncharacters and U+0085 go too, since
    they say nothing and validators warn of them.
    """
    stripped: object = value
    if isinstance(value, str):
        stripped = _LOST.sub("", strip_controls(value)).replace("\x85", " ")
    elif isinstance(value, tuple):
        stripped = tuple(strip_all(part) for part in value)
    elif is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value)}
        new = {name: strip_all(part) for name, part in old.items()}
        stripped = value if new == old else replace(value, **new)
    return stripped  # type: ignore[return-value]  # each branch rebuilds what it was given


def as_uri(iri: str) -> str:
    """The address in ASCII alone (RFC 3987, 3.1), since RSS and many readers know only URIs.

    What is percent-encoded already stays as it is; what browsers take and RFC 3986 forbids is encoded.
    """
    uri = quote(iri if iri.isascii() else _encode_host(iri), safe=_URI_MARKS)
    return _encode_marks(uri) if _FORBIDDEN_MARKS.search(uri) else uri


def article_link(head: FeedHead, article: Article) -> str:
    """The publisher's page, or ours where the source gives no address."""
    return as_uri(article.url or head.article_root + article.id)


def article_title(article: Article) -> str:
    """Never empty: feedgen and Atom demand a title of every entry, pictures without words have none."""
    return article.title.strip() or article.origin.name.strip() or article.origin.id


def titled(head: FeedHead, article: Article) -> str:
    """The title of an item in a feed: plain text, with the outlet's name where the site wants it."""
    title, outlet = article_title(article), article.origin.name.strip() or article.origin.id
    if head.source_in_title == "off" or title == outlet:
        return title
    return f"{outlet}: {title}" if head.source_in_title == "prefix" else f"{title} - {outlet}"


def byline(article: Article) -> str:
    """`Reporter (Outlet)`, or the outlet alone where no reporter is named."""
    outlet = article.origin.name.strip() or article.origin.id
    reporters = [name.strip() for name in article.authors if name.strip() and name.strip() != outlet]
    if not reporters:
        return outlet
    comma = "، " if article.dir == "rtl" else ", "
    return f"{comma.join(reporters)} ({outlet})"


def list_tags(article: Article) -> list[str]:
    """The categories once each, in their order, none of them blank."""
    return [tag for tag in dict.fromkeys(name.strip() for name in article.categories) if tag]


def find_enclosure(article: Article) -> Enclosure | None:
    """The one enclosure to publish, its type always known: the first to be played, else the first of all.

    Readers show one enclosure and disagree on which (RSS 2.0 allows one), so we give no choice.
    """
    typed = [replace(e, type=e.type or media_type(e.url) or _UNKNOWN_TYPE) for e in article.enclosures]
    played = (e for e in typed if str(e.type).startswith(("audio/", "video/")))
    return next(played, typed[0] if typed else None)


def list_other_outlets(article: Article) -> list[Coverage]:
    """Every other source that carries the article, once each, in the order of the coverage."""
    first = {c.source_id: c for c in reversed(article.coverage) if c.source_id != article.origin.id}
    return [c for c in article.coverage if first.get(c.source_id) is c]


def media_type(url: str) -> str | None:
    """The media type that the ending of the path promises."""
    return _TYPES.get(_path(url).rpartition(".")[2].lower())


def render_body(head: FeedHead, article: Article) -> str:
    """The article as HTML: the outlet with the link, then the picture, then as much text as rights allow.

    The outlet stands in the text itself because NetNewsWire and Miniflux ignore RSS and Atom <source>.
    `article` has gone through `strip_all`.
    """
    marks = f'dir="{article.dir}" lang="{html.escape(article.lang)}"'
    outlet = html.escape(article.origin.name.strip() or article.origin.id)
    link = html.escape(article_link(head, article))
    parts = [f'<p {marks}><a href="{link}"><bdi>{outlet}</bdi></a></p>']
    if article.image and not _shows(article.content_html, article.image.url):
        parts.append(_render_image(article.image))
    if article.content_html:
        parts.append(article.content_html)
    elif article.excerpt:
        parts.append(f"<p>{html.escape(article.excerpt, quote=False)}</p>")
    inner = "\n".join(parts)
    return f"<div {marks}>\n{inner}\n</div>"


def _encode_host(iri: str) -> str:
    try:
        netloc = urlsplit(iri).netloc
        host, colon, port = netloc.partition(":")
        ascii_netloc = host.encode("idna").decode("ascii") + colon + port
    except ValueError:  # no host that DNS knows: percent-encoding is all that is left
        return iri
    return iri.replace(netloc, ascii_netloc, 1)


def _encode_marks(uri: str) -> str:
    head = _AUTHORITY.match(uri)
    authority = head.group() if head else ""
    rest = uri[len(authority) :].replace("[", "%5B").replace("]", "%5D")
    rest = re.sub("%(?![0-9A-Fa-f]{2})", "%25", rest)
    before, mark, fragment = rest.partition("#")
    return authority + before + mark + fragment.replace("#", "%23")


def _path(url: str) -> str:
    return url.partition("#")[0].partition("?")[0]


def render_page_body(site: Site, article: Article) -> str:
    """The article's HTML as a page shows it; as safe as it came.

    Its images load when they come near and tell nobody what is read; the one that stands above the text is
    not in it again. On a site without images there are none.
    """
    above = _same_image(article.image.url) if article.image else None

    def replace_image(found: re.Match[str]) -> str:
        src = _SRC.search(found[0])
        url = html.unescape(src[1]) if src else None
        if not site.images or src is None or url is None or _same_image(url) == above:
            return ""
        shown = html.escape(image_src(site, url))
        tag = f"{found[0][: src.start(1)]}{shown}{found[0][src.end(1) :]}" if shown != src[1] else found[0]
        return f'{tag[:-1]} loading="lazy" decoding="async" referrerpolicy="no-referrer">'

    return _IMG.sub(replace_image, article.content_html)


def _shows(content_html: str, image_url: str) -> bool:
    wanted = _same_image(image_url)
    return any(_same_image(html.unescape(src)) == wanted for src in _SRC.findall(content_html))


def _same_image(url: str) -> str:
    # WordPress and most CDNs give one picture in many sizes, told apart by the query alone (?w=800).
    address = url.partition("#")[0].partition("://")[2] or url
    path = _path(address)
    return path if (media_type(path) or "").startswith("image/") else address


def _render_image(image: Image) -> str:
    size = "".join(
        f' {name}="{value}"' for name, value in (("width", image.width), ("height", image.height)) if value
    )
    src, alt = html.escape(as_uri(image.url)), html.escape(image.alt or "")
    return f'<p><img src="{src}" alt="{alt}"{size}></p>'
