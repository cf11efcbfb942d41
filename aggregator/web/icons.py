"""The icons of sources' sites, each at an address that is a hash of it."""

from __future__ import annotations

from flask import Blueprint, Response, abort

from aggregator.publish.pictures import identify_icon
from aggregator.store import Store, icons

_FOR_EVER = "public, max-age=31536000, immutable"


def make_blueprint(store: Store) -> Blueprint:
    blueprint = Blueprint("icons", __name__)

    @blueprint.get("/icon/<name>")
    def icon(name: str) -> Response:
        with store.read() as tx:
            body = icons.find_icon(tx, name) or abort(404)
        response = Response(body, content_type=identify_icon(body))
        response.headers["Cache-Control"] = _FOR_EVER
        return response

    return blueprint
