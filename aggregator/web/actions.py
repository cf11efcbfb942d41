"""What an admin can do on /admin/: have a source polled, split and merge; each button is a form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import jinja2
from flask import Blueprint, Response, abort, request

from aggregator import rulings
from aggregator.config import Settings
from aggregator.errors import NoSuchEntry, RulingRefused
from aggregator.model import Edition
from aggregator.publish.admin import render_admin
from aggregator.statuses import is_polled
from aggregator.store import Store, polls
from aggregator.web.access import Forms
from aggregator.web.pages import Environments

_MAX_FORM_BYTES = 4096


def register_actions(
    blueprint: Blueprint,
    settings: Settings,
    store: Store,
    environments: Environments,
    forms: Forms,
    *,
    now: Callable[[], datetime],
) -> None:
    """Let a blueprint answer POST requests, each with a page that says what was done."""

    def check(action: str, *things: str, at: datetime) -> None:
        if not forms.admits(request, action, *things, now=at.timestamp()):
            abort(403)

    def tell(at: datetime, **values: object) -> Response:
        edition = find_edition(settings)
        env = environments[edition.id]
        return respond(env, "admin_done.html", site=settings.site, edition=edition, now=at, **values)

    @blueprint.before_request
    def bound() -> None:
        request.max_content_length = request.max_form_memory_size = _MAX_FORM_BYTES

    @blueprint.post("/admin/poll")
    def poll() -> Response:
        at, source_id = now(), request.form.get("source", "")
        check("poll", source_id, at=at)
        source = next((each for each in settings.sources if each.id == source_id), None)
        if source is None:
            abort(404)
        with store.write() as tx:
            asked = polls.ask_poll(tx, source_id, now=at)
            polled = is_polled(tx, now=at)
        return tell(at, source=source, asked=asked, polled=polled)

    @blueprint.post("/admin/rule")
    def rule() -> Response:
        at = now()
        said = tuple(request.form.get(name, "") for name in ("act", "kind", "one", "other"))
        check(*said, at=at)
        try:
            return tell(at, sentence=_rule(settings, *said, now=at))
        except (NoSuchEntry, RulingRefused) as error:
            return tell(at, sentence=str(error))


def find_edition(settings: Settings) -> Edition:
    """That of the page's language."""
    return settings.site.find_edition(request.args.get("ui", "")) or settings.site.editions[0]


def respond(env: jinja2.Environment, template: str, **values: object) -> Response:
    return Response(render_admin(env, template, **values), content_type="text/html; charset=utf-8")


def _rule(settings: Settings, act: str, kind: str, one: str, other: str, *, now: datetime) -> str:
    """As the commands `split` and `merge` do, in the same words."""
    if act not in ("split", "merge") or kind not in ("article", "story"):
        abort(400)
    if act == "split":
        split = rulings.split_article if kind == "article" else rulings.split_story
        return split(settings, one, now=now)
    merge = rulings.merge_articles if kind == "article" else rulings.merge_stories
    return merge(settings, one, other, now=now)
