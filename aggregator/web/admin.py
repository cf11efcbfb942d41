"""/admin/: what an admin should look after. Read only, and there only if `[admin] password` is set."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from flask import Blueprint, Response, request

from aggregator.config import Settings
from aggregator.model import Edition
from aggregator.publish.admin import PROBLEMS_PATH, render_overview, render_problems
from aggregator.publish.pages import render_error
from aggregator.statuses import read_situation
from aggregator.store import Store, articles
from aggregator.web.access import Guesses, derive_token, is_same, judge, name_guesser
from aggregator.web.pages import Environments

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
    blueprint.before_request(_make_guard(settings, password, token, environments))

    @blueprint.get("/admin/")
    def overview() -> Response:
        edition = _find_edition(settings)
        read_at = now()
        with store.read() as tx:
            situation = read_situation(tx, settings, now=read_at)
        html = render_overview(
            environments[edition.id],
            site=site,
            edition=edition,
            situation=situation,
            names=names,
            feed_url=f"{site.url}{PROBLEMS_PATH}?token={token}",
            now=read_at,
        )
        return Response(html, content_type="text/html; charset=utf-8")

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
        edition = _find_edition(settings)
        html = render_error(environments[edition.id], site=settings.site, edition=edition, status=status)
        answer = Response(html, status=status, content_type="text/html; charset=utf-8")
        answer.headers[header] = value
        return answer

    return guard


def _find_edition(settings: Settings) -> Edition:
    return settings.site.find_edition(request.args.get("ui", "")) or settings.site.editions[0]
