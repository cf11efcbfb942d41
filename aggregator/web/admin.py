"""/admin/: what an admin should look after, and may do about it; there only if `[admin] password` is set."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from flask import Blueprint, Response, abort, request

from aggregator.config import Settings
from aggregator.publish.admin import PROBLEMS_PATH, list_overview, render_problems
from aggregator.publish.pages import render_error
from aggregator.statuses import list_statuses, read_situation
from aggregator.store import Store, articles, doubts
from aggregator.web.access import Forms, Guesses, derive_token, is_same, judge, name_guesser
from aggregator.web.actions import find_edition, register_actions, respond
from aggregator.web.pages import Environments

DOUBTED = timedelta(days=2)  # for how long a decision stays in the queue
DOUBTS = 50

_CHALLENGE = 'Basic realm="Administration", charset="UTF-8"'  # RFC 7617

_log = logging.getLogger(__name__)


def make_blueprint(
    settings: Settings,
    password: str,
    store: Store,
    environments: Environments,
    *,
    now: Callable[[], datetime],
) -> Blueprint:
    blueprint = Blueprint("admin", __name__)
    site = settings.site
    token = derive_token(password, site_url=site.url)
    names = {source.id: source.name for source in settings.sources}
    forms = Forms(password, site_url=site.url)
    blueprint.before_request(_make_guard(settings, password, token, environments))
    register_actions(blueprint, settings, store, environments, forms, now=now)

    def show(template: str, at: datetime, **values: object) -> Response:
        edition = find_edition(settings)
        return respond(
            environments[edition.id],
            template,
            site=site,
            edition=edition,
            outlets=names,
            sign=partial(forms.sign, request, now=at.timestamp()),
            now=at,
            **values,
        )

    @blueprint.get("/admin/")
    def overview() -> Response:
        at = now()
        with store.read() as tx:
            situation = read_situation(tx, settings, now=at)
            doubtful = len(doubts.list_doubts(tx, since=at - DOUBTED, limit=DOUBTS))
        feed_url = f"{site.url}{PROBLEMS_PATH}?token={token}"
        return show("admin.html", at, **list_overview(situation), doubtful=doubtful, feed_url=feed_url)

    @blueprint.get("/admin/source/<source_id>")
    def source(source_id: str) -> Response:
        at = now()
        configured = [each for each in settings.sources if each.id == source_id]
        with store.read() as tx:
            rows = list_statuses(tx, configured, now=at)
        if not rows:
            abort(404)
        return show("admin_source.html", at, row=rows[0])

    @blueprint.get("/admin/decisions")
    def decisions() -> Response:
        at = now()
        with store.read() as tx:
            listed = doubts.list_doubts(tx, since=at - DOUBTED, limit=DOUBTS)
        return show("admin_decisions.html", at, doubts=listed)

    @blueprint.get(PROBLEMS_PATH)
    def problems() -> Response:
        with store.read() as tx:
            situation = read_situation(tx, settings, now=now())
            tag_prefix = articles.get_tag_prefix(tx)
        body = render_problems(site=site, situation=situation, names=names, tag_prefix=tag_prefix)
        return Response(body, content_type="application/rss+xml; charset=utf-8")

    @blueprint.after_request
    def keep_private(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex"
        # With "no-referrer" browsers hide from us, too, from where a form is sent (Fetch, 3.2).
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return blueprint


def _make_guard(
    settings: Settings, password: str, token: str, environments: Environments
) -> Callable[[], Response | None]:
    guesses = Guesses()

    def guard() -> Response | None:
        """None: the request may go on."""
        if request.path == PROBLEMS_PATH and is_same(request.args.get("token", ""), token):
            return None
        who = name_guesser(request)
        wait = guesses.find_wait(who, now=monotonic())
        if wait:
            return refuse(429, "Retry-After", str(math.ceil(wait)))
        verdict = judge(request, password)
        if verdict == "admitted":
            return None
        if verdict == "refused":
            guesses.record(who, now=monotonic())
            _log.warning("a wrong password for /admin/ from %s", who)
        return refuse(401, "WWW-Authenticate", _CHALLENGE)

    def refuse(status: int, header: str, value: str) -> Response:
        edition = find_edition(settings)
        html = render_error(environments[edition.id], site=settings.site, edition=edition, status=status)
        answer = Response(html, status=status, content_type="text/html; charset=utf-8")
        answer.headers[header] = value
        return answer

    return guard
