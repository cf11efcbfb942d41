"""How often one visitor may ask for what costs us work, counted in the memory of each web worker.

Feeds and pages are never held back: what is rendered costs nothing, and readers share addresses.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from functools import partial

from flask import Flask, Response, request
from flask_limiter import Limiter
from werkzeug.middleware.proxy_fix import ProxyFix

from aggregator.web.access import THROUGH_PROXY, name_guesser

# By blueprint or endpoint: requests a minute of one address, of IPv6 one network.
LIMITS: Mapping[str, int] = {
    "reference.search_page": 60,
    "embeds.oembed_answer": 120,
    "hub": 120,
    "admin": 120,
}
SHARED = 10  # times as many through a proxy that we were not told of: its visitors have one address


def limit(app: Flask, *, proxies: int) -> None:
    """Limit the routes that `app` has by now. So many `proxies` in front are believed whom they speak for."""
    if proxies:
        # Whose request it is, and nothing else: no header decides what our URLs look like.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0
        )
    limiter = Limiter(_name_visitor, app=app, storage_uri="memory://", strategy="moving-window")
    for endpoint, view in list(app.view_functions.items()):
        most = LIMITS.get(endpoint) or LIMITS.get(endpoint.partition(".")[0])
        if most is not None:
            limited = limiter.limit(partial(_find_limit, most))(view)
            app.view_functions[endpoint] = limited  # type: ignore[assignment]

    @app.after_request
    def say_when(response: Response) -> Response:
        held = limiter.current_limit
        if response.status_code == 429 and held is not None and held.breached:
            wait = max(1, math.ceil(held.reset_at - time.time()))
            response.headers.setdefault("Retry-After", str(wait))
        return response


def _name_visitor() -> str:
    return name_guesser(request)


def _find_limit(most: int) -> str:
    shared = name_guesser(request).endswith(THROUGH_PROXY)
    return f"{most * SHARED if shared else most} per minute"
