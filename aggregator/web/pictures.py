"""Images of articles, passed on under addresses that we have signed."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, abort, request

from aggregator.pictures import BUSY, Picture, Pictures
from aggregator.publish.pictures import PREFIX, is_signed

_FOR_EVER = "public, max-age=31536000, immutable"
_MISSED_MAX_AGE = 300


def make_blueprint(key: str, pictures: Pictures) -> Blueprint:
    blueprint = Blueprint("pictures", __name__)

    @blueprint.get(f"{PREFIX}<signature>")
    def picture(signature: str) -> Response:
        url = request.args.get("url", "")
        if not is_signed(key, url, signature):
            abort(404)
        found = pictures.get(url, now=datetime.now(UTC))
        if isinstance(found, Picture):
            response = Response(found.body, content_type=found.type)
            response.headers["Cache-Control"] = _FOR_EVER
            return response
        response = Response(f"{found.reason}\n", found.status, content_type="text/plain; charset=utf-8")
        response.headers["Cache-Control"] = f"public, max-age={_MISSED_MAX_AGE}"
        if found == BUSY:
            response.headers["Cache-Control"] = "no-store"
            response.headers["Retry-After"] = "2"
        return response

    return blueprint
