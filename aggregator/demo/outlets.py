"""The outlets and articles of texts.toml, and how each outlet words and lays out what it carries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from html import escape

from aggregator.demo.documents import DemoFeed, DemoItem, Format, load_texts

_ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_CONTENT_TYPES: dict[str, str] = {
    "atom10": "application/atom+xml",
    "atom03": "application/xml",
    "rss10": "application/rdf+xml",
    "json10": "application/json",
    "json11": "application/feed+json",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """One source of the demo; texts.toml explains `headline`, `wire`, `guid` and `picture`."""

    id: str
    name: str
    about: str
    lang: str
    format: Format
    path: str
    section: str  # section reference
    headline: str
    wire: str
    guid: str
    picture: str
    bylines: tuple[str, ...]
    encoding: str = "utf-8"
    xhtml: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoArticle:
    id: str
    section: str  # section reference
    outlet_ids: tuple[str, ...]  # the one that wrote it first
    title: str
    summary: str
    text: str
    audio: bool = False


@cache
def list_outlets() -> tuple[Outlet, ...]:
    """All outlets but the failing one."""
    return tuple(Outlet(**{**raw, "bylines": tuple(raw["bylines"])}) for raw in load_texts()["outlet"])


@cache
def list_articles() -> tuple[DemoArticle, ...]:
    """All articles, in the order of texts.toml."""
    return tuple(
        DemoArticle(outlet_ids=tuple(raw["in"]), **{key: value for key, value in raw.items() if key != "in"})
        for raw in load_texts()["article"]
    )


def restyle_title(title: str, outlet: Outlet) -> str:
    """A headline as the outlet would set it."""
    if outlet.headline == "title":
        return " ".join(word[:1].upper() + word[1:] for word in title.split())
    return restyle_text(title, outlet)


def restyle_text(text: str, outlet: Outlet) -> str:
    """Any other text as the outlet would set it."""
    return text.translate(_ARABIC_DIGITS) if outlet.headline == "digits" else text


def render_html(text: str, note: str | None) -> str:
    """A text of texts.toml as well-formed HTML, with the editor's note at its end."""
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    html = [_render_block(lines) for lines in blocks]
    if note:
        html.append(f"<p><em>{escape(note)}</em></p>")
    return "\n".join(html)


def _render_block(lines: list[str]) -> str:
    if lines[0].startswith("> "):
        return f"<blockquote><p>{escape(' '.join(lines).removeprefix('> '))}</p></blockquote>"
    if lines[0].startswith("- "):
        return f"<ul>{''.join(f'<li>{escape(line[2:])}</li>' for line in lines)}</ul>"
    return f"<p>{escape(' '.join(lines))}</p>"


def render_page(item: DemoItem, outlet: Outlet) -> bytes:
    """The publisher's own page of an article."""
    picture = f'<figure><img src="{escape(item.image_url)}" alt=""></figure>' if item.image_url else ""
    body = f"{picture}<p><strong>{escape(item.summary)}</strong></p>{item.html}"
    return _render_web_page(outlet, item.title, body)


def render_home(feed: DemoFeed, outlet: Outlet) -> bytes:
    """The outlet's front page: its headlines, and where its feed is."""
    links = (f'<li><a href="{escape(item.url)}">{escape(item.title)}</a></li>' for item in feed.items)
    feed_link = f'<link rel="alternate" type="{get_content_type(outlet)}" href="{outlet.path}">'
    return _render_web_page(outlet, outlet.about, f"<ul>{''.join(links)}</ul>", head=feed_link)


def _render_web_page(outlet: Outlet, title: str, body: str, *, head: str = "") -> bytes:
    direction = "rtl" if outlet.lang == "ar" else "ltr"
    return (
        f'<!doctype html><html lang="{outlet.lang}" dir="{direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>{head}'
        "<style>body{max-width:42rem;margin:2rem auto;padding:0 1rem;font:1.1rem/1.8 serif}"
        "img{width:100%;height:auto}</style></head>"
        f'<body><p><a href="/{outlet.id}/">{escape(outlet.name)}</a></p><h1>{escape(title)}</h1>'
        f"{body}</body></html>"
    ).encode()


def get_content_type(outlet: Outlet) -> str:
    """The media type the outlet serves its feed as."""
    return _CONTENT_TYPES.get(outlet.format, "application/rss+xml")
