"""Boxes of ours on partner sites: what may be asked of them, and one box in each of its forms. Pure.

A box is an iframe's document, the same with a script that tells its height (`fit`), an HTML fragment for
server-side includes, or JSON. All show the same articles, with what the rights of their sources leave.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import jinja2
from markupsafe import Markup

from aggregator.dates import format_rfc3339
from aggregator.errors import BadParameter
from aggregator.model import Article, Direction, Edition, Image, Site
from aggregator.publish.body import UNKNOWN_LANG, article_title, as_uri, strip_all
from aggregator.publish.digest import count_sources
from aggregator.publish.templates import article_path, is_weblink

Theme = Literal["auto", "light", "dark"]

THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
PARAMETERS = ("n", "theme", "lang", "dir", "images", "accent")
DEFAULT_COUNT = 10
MAX_COUNT = 50
# A frame without a script of ours cannot be asked for its height: these fit a box 300 pixels wide or wider.
_HEAD_PIXELS = 100
_ITEM_PIXELS = 92
_PICTURED_PIXELS = 100
_ARTICLE_PIXELS = 240

_NOTHING = "'none'"
_SELF = "'self'"
_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off", "none")
_HEX = re.compile(r"#?(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedOptions:
    """How a box looks; every value is one of few, so that a box has few variants."""

    n: int  # articles, 1 to MAX_COUNT
    theme: Theme
    language: Edition  # of our words and dates
    dir: Direction
    images: bool  # off unless asked for: images come from publishers, and tell them who reads
    accent: str | None  # three hexadecimal digits; None: our own colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What a box is of."""

    path: str  # as in /embed/{path}: "ar/sports", "ar/all", "article/{id}"
    title: str
    home_path: str  # our page of the same content
    feed_path: str | None
    edition: Edition

    @property
    def is_article(self) -> bool:
        return self.path.startswith("article/")


def list_languages(site: Site) -> tuple[Edition, ...]:
    """The languages a box can speak: the site's editions, and Arabic and English in any case."""
    known = {edition.id: edition for edition in site.editions}
    known.setdefault("ar", Edition(id="ar", locale="ar", dir="rtl"))
    known.setdefault("en", Edition(id="en", locale="en", dir="ltr"))
    return tuple(known.values())


# --- parameters -----------------------------------------------------------------------------------


def parse_options(
    query: Sequence[tuple[str, str]], *, edition: Edition, languages: Sequence[Edition]
) -> EmbedOptions:
    """Return what a query asks for; an empty value stands for the default.

    Raises BadParameter, naming the parameter and what it may be: also for parameters that there are not,
    because a box that ignores `colour=` leaves a partner searching for the mistake.
    """
    given: dict[str, str] = {}
    for name, value in query:
        if name not in PARAMETERS:
            raise BadParameter(f"there is no parameter {_quote(name)}; there are {', '.join(PARAMETERS)}")
        if name in given:
            raise BadParameter(f"{name} is given twice; once is enough")
        given[name] = value.strip()
    by_id = {language.id: language for language in languages}

    def read(name: str, read_value: Callable[[str], Any], default: Any) -> Any:
        return read_value(given[name]) if given.get(name) else default

    language = by_id[read("lang", lambda text: _read_choice("lang", text, tuple(by_id)), edition.id)]
    return EmbedOptions(
        n=read("n", _read_count, DEFAULT_COUNT),
        theme=read("theme", lambda text: _read_choice("theme", text, THEMES), "auto"),
        language=language,
        dir=read("dir", lambda text: _read_choice("dir", text, ("rtl", "ltr")), language.dir),
        images=read("images", _read_images, False),
        accent=read("accent", _read_accent, None),
    )


def render_query(options: EmbedOptions, *, edition: Edition) -> str:
    """The one query that asks for these options of a box of `edition`; "" where all are its defaults."""
    asked = {
        "n": str(options.n) if options.n != DEFAULT_COUNT else None,
        "theme": options.theme if options.theme != "auto" else None,
        "lang": options.language.id if options.language.id != edition.id else None,
        "dir": options.dir if options.dir != options.language.dir else None,
        "images": "1" if options.images else None,
        "accent": options.accent,
    }
    return urlencode({name: value for name, value in asked.items() if value is not None})


def frame_height(box: Box, options: EmbedOptions) -> int:
    """The height in pixels that a frame gets where browsers cannot fit it to its content."""
    if box.is_article:
        return _ARTICLE_PIXELS
    return _HEAD_PIXELS + options.n * (_PICTURED_PIXELS if options.images else _ITEM_PIXELS)


def fit_count(height: int) -> int:
    """How many articles a frame of this height shows: 1 to DEFAULT_COUNT."""
    return max(1, min(DEFAULT_COUNT, (height - _HEAD_PIXELS) // _ITEM_PIXELS))


def _read_count(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > MAX_COUNT:
        raise BadParameter(f"n is {_quote(text)}; it may be a whole number from 1 to {MAX_COUNT}")
    return int(text)


def _read_choice(name: str, text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise BadParameter(f"{name} is {_quote(text)}; it may be {_list_words(allowed)}")
    return text


def _read_images(text: str) -> bool:
    if text not in (*_ON, *_OFF):
        raise BadParameter(f"images is {_quote(text)}; it may be 1 or 0")
    return text in _ON


def _read_accent(text: str) -> str:
    """Sixteen steps a channel: nobody sees the difference, and there are 4,096 variants, not 16 million."""
    if not _HEX.fullmatch(text):
        raise BadParameter(f"accent is {_quote(text)}; it may be a colour of 3 or 6 hexadecimal digits: c30")
    digits = text.removeprefix("#").lower()
    if len(digits) == 3:
        return digits
    return "".join(f"{(int(digits[i : i + 2], 16) + 8) // 17:x}" for i in (0, 2, 4))


def _quote(text: str) -> str:
    return f'"{text[:40]}"'


def _list_words(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


# --- forms ----------------------------------------------------------------------------------------


def render_document(
    env: jinja2.Environment,
    *,
    site: Site,
    box: Box,
    options: EmbedOptions,
    articles: Sequence[Article],
    ancestors: Sequence[str],
    fit: bool = False,
) -> str:
    """Return the document of an iframe. With `fit` a script in it tells the page around it how high it is.

    `env` is that of `options.language`. `ancestors` are the origins that may know how high the box is,
    "*" for all.
    """
    return env.get_template("embed/document.html").render(
        **_make_context(site, box, options, articles, fit=fit),
        ancestors=" ".join(ancestors),
        style="",
        head_style=_wrap("style", render_css(env, options, whole=True)),
        script=_wrap("script", _read_script(env)) if fit else "",
    )


def render_fragment(
    env: jinja2.Environment, *, site: Site, box: Box, options: EmbedOptions, articles: Sequence[Article]
) -> str:
    """Return the box as part of somebody's page: its style reaches nothing outside it, and no script."""
    return env.get_template("embed/fragment.html").render(
        **_make_context(site, box, options, articles, fit=False),
        style=_wrap("style", render_css(env, options, whole=False)),
    )


def render_box_json(site: Site, box: Box, articles: Sequence[Article]) -> bytes:
    """Return the box as JSON in UTF-8: `title home_page_url feed_url language dir items`.

    An item has `id title url outlet published updated language dir summary image sources`; what there is not,
    or may not be shown, is left out. How it looks is the partner's affair.
    """
    document = {
        "title": box.title,
        "home_page_url": site.url + box.home_path,
        "feed_url": f"{site.url}{box.feed_path}" if box.feed_path else None,
        "language": box.edition.locale,
        "dir": box.edition.dir,
        "items": [_render_item(site, strip_all(article)) for article in articles],
    }
    kept = {key: value for key, value in document.items() if value is not None}
    return (json.dumps(kept, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def render_css(env: jinja2.Environment, options: EmbedOptions, *, whole: bool) -> str:
    """The style sheet of a box; with `whole`, of its document too."""
    css = env.get_template("embed/box.css").render()
    if whole:
        css = env.get_template("embed/document.css").render() + "\n" + css
    if options.accent:
        css += f"\n.news-embed.ne-{options.accent}{{ --ne-accent: #{options.accent} }}"
    return css


def render_policy(
    env: jinja2.Environment,
    options: EmbedOptions,
    *,
    ancestors: Sequence[str],
    fit: bool,
    whole: bool = True,
    site: Site,
) -> str:
    """The Content-Security-Policy of a document, or of a fragment (not `whole`) that somebody looks at.

    It lets in their own style and script by their hashes, and nothing else.
    `ancestors` are the origins that may frame it, "*" for all. Our own pages always may, because the builder
    shows what it builds.
    """
    script = [f"script-src {_hash_source(_read_script(env))}"] if fit else []
    parts = [
        "default-src 'none'",
        *script,
        f"style-src {_hash_source(render_css(env, options, whole=whole))}",
        f"img-src {_list_image_origins(site) if options.images else _NOTHING}",
        "base-uri 'none'",
        "form-action 'none'",
        render_framers(ancestors),
    ]
    return "; ".join(parts)


def _list_image_origins(site: Site) -> str:
    """Not 'self': a fragment stands on a page of the partner's."""
    if site.picture_key is None:
        return "https: http:"
    parts = urlsplit(site.url)
    return f"{parts.scheme}://{parts.netloc}"


def render_framers(ancestors: Sequence[str]) -> str:
    """The part of the policy that says who may frame a box."""
    return f"frame-ancestors {' '.join(ancestors if '*' in ancestors else (_SELF, *ancestors))}"


def _make_context(
    site: Site, box: Box, options: EmbedOptions, articles: Sequence[Article], *, fit: bool
) -> dict[str, Any]:
    """What the templates of all forms expect."""
    return {
        "site": site,
        "box": box,
        "options": options,
        "articles": articles,
        "newest_at": max((article.published_at for article in articles), default=None),
        "words": options.language.locale,
        "fit": fit,
        "link_of": lambda article: _make_link(site, article),
        "title_of": article_title,
        "unknown": UNKNOWN_LANG,
    }


def _make_link(site: Site, article: Article) -> str:
    """As in the feeds: the publisher's page, or ours where the source gives no address."""
    if article.url is not None and is_weblink(article.url):
        return as_uri(article.url)
    return site.url + article_path(article)


def _wrap(tag: str, text: str) -> Markup:
    """Only for what stands in our own files: CSP names it by its hash, so not a letter may be escaped."""
    return Markup(f"<{tag}>{text}</{tag}>")  # noqa: S704


def _read_script(env: jinja2.Environment) -> str:
    return env.get_template("embed/fit.js").render()


def _hash_source(text: str) -> str:
    """A style or script as CSP names it by its content (CSP 3, 2.3.1)."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _render_item(site: Site, article: Article) -> dict[str, Any]:
    image = article.image if site.images and article.image and is_weblink(article.image.url) else None
    item = {
        "id": article.guid,
        "title": article_title(article),
        "url": _make_link(site, article),
        "outlet": article.origin.name.strip() or article.origin.id,
        "published": format_rfc3339(article.published_at),
        "updated": format_rfc3339(article.updated_at),
        "language": article.lang if article.lang != UNKNOWN_LANG else None,
        "dir": article.dir,
        "summary": article.excerpt or None,
        "image": _render_image(image) if image else None,
        "sources": count_sources(article),
    }
    return {key: value for key, value in item.items() if value is not None}


def _render_image(image: Image) -> dict[str, Any]:
    values = {"url": as_uri(image.url), "width": image.width, "height": image.height, "alt": image.alt}
    return {key: value for key, value in values.items() if value}
