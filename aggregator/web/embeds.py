"""Boxes for partner sites, the page that builds them, and oEmbed."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha384
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import jinja2
from flask import Blueprint, Response, abort, redirect, request

from aggregator.config import Settings
from aggregator.errors import BadParameter
from aggregator.listing import list_mixed
from aggregator.model import Article, Edition, Site
from aggregator.places import find_home, find_place, find_successor
from aggregator.publish import builder, embed, oembed
from aggregator.publish.embed import Box, EmbedOptions
from aggregator.publish.templates import feed_path, front_path, make_environment
from aggregator.store import Transaction, articles
from aggregator.web.documents import Documents, Rendered

_MAX_AGE = 300
_HTML = "text/html; charset=utf-8"
_SCRIPT = Path(__file__).parent / "static" / "embed-v1.js"
_FOR_GOOD = "public, max-age=31536000, immutable"  # partners pin its hash: it never changes
_FORMS = ("json", "html", "fit")  # endings of a box's path; without one it is an iframe's document
_ARTICLE = "article"
_BUILDER_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
_PAGE = re.compile(r"/(?:(?P<edition>[\w-]+)/(?:s/(?P<section>[\w-]+)/(?:page/\d+/)?)?)?", re.ASCII)

Environments = dict[str, jinja2.Environment]


class _Boxes(NamedTuple):
    """What all boxes are made with."""

    site: Site
    languages: tuple[Edition, ...]
    environments: Environments  # by language
    ancestors: tuple[str, ...]  # who may show boxes in a frame


def make_blueprint(settings: Settings, documents: Documents, environments: Environments) -> Blueprint:
    blueprint = Blueprint("embeds", __name__)
    site = settings.site
    languages = embed.list_languages(site)
    spoken = {language.id: language for language in languages if language.id not in environments}
    boxes = _Boxes(
        site=site,
        languages=languages,
        environments=environments | {id: make_environment(language) for id, language in spoken.items()},
        ancestors=settings.embed_allow,
    )
    script = _SCRIPT.read_bytes()
    integrity = f"sha384-{b64encode(sha384(script).digest()).decode()}"

    @blueprint.get("/embed/v1.js")
    def element_script() -> Response:
        rendered = Rendered(
            body=script, content_type="text/javascript; charset=utf-8", max_age=_MAX_AGE, shared=True
        )
        response = documents.respond("embed:v1.js", lambda _tx: rendered) or abort(404)
        response.headers["Cache-Control"] = _FOR_GOOD
        return response

    @blueprint.get("/embed/")
    def builder_page() -> Response:
        return _respond_builder(boxes, documents, integrity)

    @blueprint.get("/embed/<place>/<name>")
    def box_document(place: str, name: str) -> Response:
        return _respond_box(boxes, documents, place, name)

    @blueprint.get("/oembed")
    def oembed_answer() -> Response:
        return _respond_oembed(boxes, documents)

    return blueprint


# --- boxes ----------------------------------------------------------------------------------------


def _respond_box(boxes: _Boxes, documents: Documents, place: str, name: str) -> Response:
    name, _, form = name.partition(".")
    if form and form not in _FORMS:
        abort(404)
    if place == _ARTICLE:
        box = _make_article_box(boxes.site, boxes.site.editions[0], name)
    else:
        box = _find_box(boxes.site, place, name) or abort(404)
        path = f"/embed/{box.path}{'.' if form else ''}{form}"
        if path != request.path:  # an old id of the section
            query = request.query_string.decode("ascii", "replace")
            response: Response = redirect(f"{path}?{query}" if query else path, 301)  # type: ignore[assignment]
            response.headers["Access-Control-Allow-Origin"] = "*"
            return response
    try:
        options = _parse_options(boxes, box, list(request.args.items(multi=True)))
    except BadParameter as error:
        refusal = _refuse(error)
        policy = f"default-src 'none'; {embed.render_framers(boxes.ancestors)}"
        refusal.headers["Content-Security-Policy"] = policy  # to be read where the box should be
        return refusal
    env = boxes.environments[options.language.id]
    query = f"n={options.n}" if form == "json" else embed.render_query(options, edition=box.edition)

    def render(tx: Transaction) -> Rendered | None:
        listed = _list_articles(tx, box, options.n)
        if box.is_article and not listed:
            return None
        return _render_box(boxes, env, box, options, listed, form)

    response = documents.respond(f"embed:{box.path}.{form}?{query}", render) or abort(404)
    if form != "json":
        policy = embed.render_policy(
            env, options, ancestors=boxes.ancestors, fit=form == "fit", whole=form != "html", site=boxes.site
        )
        response.headers["Content-Security-Policy"] = policy
    return response


def _render_box(
    boxes: _Boxes,
    env: jinja2.Environment,
    box: Box,
    options: EmbedOptions,
    listed: Sequence[Article],
    form: str,
) -> Rendered:
    site = boxes.site
    if form == "json":
        body = embed.render_box_json(site, box, listed)
        return Rendered(
            body=body, content_type="application/json; charset=utf-8", max_age=_MAX_AGE, shared=True
        )
    if form == "html":
        html = embed.render_fragment(env, site=site, box=box, options=options, articles=listed)
        return Rendered(body=html.encode(), content_type=_HTML, max_age=_MAX_AGE, shared=True)
    html = embed.render_document(
        env,
        site=site,
        box=box,
        options=options,
        articles=listed,
        ancestors=boxes.ancestors,
        fit=form == "fit",
    )
    return Rendered(body=html.encode(), content_type=_HTML, max_age=_MAX_AGE)


def _list_articles(tx: Transaction, box: Box, count: int) -> Sequence[Article]:
    if box.is_article:
        article = _find_article(tx, box.path.partition("/")[2])
        return () if article is None else (article,)
    return list_mixed(tx, box.path, limit=count)


def _find_article(tx: Transaction, public_id: str) -> Article | None:
    """The article of this id, or the one that it was merged into."""
    return articles.find_article(tx, public_id) or find_successor(tx, public_id)


def _find_box(site: Site, edition_id: str, name: str) -> Box | None:
    place = find_place(site, edition_id, name)
    if place is None:
        return None
    return Box(
        path=place.ref,
        title=place.section.name if place.section else site.title,
        home_path=place.home_path,
        feed_path=feed_path(place.edition, place.section, "rss"),
        edition=place.edition,
    )


def _make_article_box(site: Site, edition: Edition, article_id: str) -> Box:
    return Box(
        path=f"{_ARTICLE}/{article_id}",
        title=site.title,
        home_path=front_path(edition),
        feed_path=None,
        edition=edition,
    )


def _parse_options(boxes: _Boxes, box: Box, query: Sequence[tuple[str, str]]) -> EmbedOptions:
    return embed.parse_options(query, edition=box.edition, languages=boxes.languages)


def _refuse(error: BadParameter, *, status: int = 400) -> Response:
    response = Response(f"{error}\n", status=status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


# --- the builder ----------------------------------------------------------------------------------


def _respond_builder(boxes: _Boxes, documents: Documents, integrity: str) -> Response:
    site = boxes.site
    query = list(request.args.items(multi=True))
    ui = site.find_edition(request.args.get("ui", "")) or site.editions[0]
    edition_id, _, name = request.args.get("section", "").partition("/")
    found = _find_box(site, edition_id, name)
    box = found or _find_box(site, ui.id, articles.ALL) or abort(404)
    own = [(key, value) for key, value in query if key not in ("ui", "section")]
    problem = ""
    if request.args.get("section") and found is None:
        problem = f'there is no section "{request.args["section"][:40]}"'
    try:
        options = _parse_options(boxes, box, [_drop_default(key, value) for key, value in own])
    except BadParameter as error:
        problem, options = str(error), _parse_options(boxes, box, ())

    def render(_tx: Transaction | None) -> Rendered:
        html = builder.render_builder(
            boxes.environments[ui.id],
            site=site,
            edition=ui,
            languages=boxes.languages,
            box=box,
            options=options,
            integrity=integrity,
            problem=problem,
        )
        return Rendered(body=html.encode(), content_type=_HTML, max_age=_MAX_AGE)

    if problem:
        response = Response(render(None).body, status=400, content_type=_HTML)
        response.headers["Cache-Control"] = "no-store"
    else:
        asked = embed.render_query(options, edition=box.edition)
        response = documents.respond(f"embed:{ui.id}:{box.path}?{asked}", render) or abort(404)
    response.headers["Content-Security-Policy"] = _BUILDER_POLICY
    return response


def _drop_default(name: str, value: str) -> tuple[str, str]:
    """A colour field always sends a colour: ours stands for none."""
    return (name, "" if name == "accent" and value == f"#{builder.DEFAULT_ACCENT}" else value)


# --- oEmbed ---------------------------------------------------------------------------------------


def _respond_oembed(boxes: _Boxes, documents: Documents) -> Response:
    """Other parameters than those of oEmbed 1.0 are let pass: WordPress alone adds two."""
    form = request.args.get("format", "json")
    if form not in ("json", "xml"):
        return _refuse(BadParameter("format may be json or xml"), status=501)  # oEmbed 1.0, 2.3.6
    try:
        path = _find_path(boxes.site, request.args.get("url", ""))
        width, height = (_read_limit(name) for name in ("maxwidth", "maxheight"))
    except BadParameter as error:
        return _refuse(error)
    width_given = oembed.fit_size(oembed.MAX_WIDTH, width)
    height_given = None if height is None else oembed.fit_size(oembed.MAX_HEIGHT, height)

    def render(tx: Transaction) -> Rendered | None:
        rich = _make_rich(boxes, tx, path, width=width_given, height=height_given)
        if rich is None:
            return None
        body = oembed.render_oembed_json(rich) if form == "json" else oembed.render_oembed_xml(rich)
        kind = "application/json" if form == "json" else "text/xml"
        return Rendered(body=body, content_type=f"{kind}; charset=utf-8", max_age=_MAX_AGE, shared=True)

    key = f"embed:oembed:{form}:{path}:{width_given}x{height_given}"
    response = documents.respond(key, render)
    return response or _refuse(BadParameter("url is no page of ours that can be embedded"), status=404)


def _make_rich(
    boxes: _Boxes, tx: Transaction, path: str, *, width: int, height: int | None
) -> oembed.Rich | None:
    """The answer for a page of ours, at most `height` high; None where there is nothing to embed."""
    site = boxes.site
    box, title = _find_page(tx, site, path)
    if box is None:
        return None
    count = embed.DEFAULT_COUNT if height is None else embed.fit_count(height)
    options = _parse_options(boxes, box, () if box.is_article else [("n", str(count))])
    query = embed.render_query(options, edition=site.editions[0] if box.is_article else box.edition)
    wanted = embed.frame_height(box, options)
    return oembed.Rich(
        title=title,
        provider_name=site.title,
        provider_url=f"{site.url}/",
        # Without a script in the frame WordPress neither fits it nor lets readers follow a link.
        src=f"{site.url}/embed/{box.path}.fit{'?' if query else ''}{query}",
        frame_title=title if title == site.title else f"{title} – {site.title}",
        width=width,
        height=wanted if height is None else min(wanted, height),
        cache_age=_MAX_AGE,
    )


def _find_page(tx: Transaction, site: Site, path: str) -> tuple[Box | None, str]:
    """The box of the page at this path, and what the page is called."""
    if path.startswith(f"/{_ARTICLE}/"):
        article = _find_article(tx, path.removeprefix(f"/{_ARTICLE}/"))
        if article is None:
            return None, ""
        section = find_home(site, article)
        edition = (site.find_edition(section.edition) if section else None) or site.editions[0]
        return _make_article_box(site, edition, article.id), article.title or site.title
    match = _PAGE.fullmatch(path)
    if match is None:
        return None, ""
    edition_id = match["edition"] or site.editions[0].id
    box = _find_box(site, edition_id, match["section"] or articles.ALL)
    return box, box.title if box else ""


def _find_path(site: Site, url: str) -> str:
    """The path of a page of ours. Raises BadParameter where `url` is none."""
    own = urlsplit(site.url)
    try:
        asked = urlsplit(url)
        ours = asked.scheme in ("http", "https") and asked.netloc.lower() == own.netloc.lower()
    except ValueError:
        ours = False
    if not ours:
        raise BadParameter(f"url must be the address of a page of ours; it starts with {site.url}/")
    return asked.path.removeprefix(own.path) or "/"


def _read_limit(name: str) -> int | None:
    text = request.args.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text, re.ASCII):
        raise BadParameter(f"{name} must be a number of pixels from 1 to 99999")
    return int(text)
