"""Where hubs reach us (WebSub): they ask whether we mean a subscription, and push what is new.

The only part of the web that writes: a line about a subscription, or a document into the inbox, from where
the poller takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote, urlsplit

from flask import Blueprint, Response, request

from aggregator import subscribing, websub
from aggregator.config import Settings
from aggregator.store import Store, subscriptions

_PATH = "/websub/"
_MAX_CHALLENGE = 4096  # characters
_ANSWERS = {
    "taken": ("taken\n", 202),
    # Who forges learns nothing from the answer (WebSub, 7.1.2).
    "dropped": ("taken\n", 202),
    "full": ("too much at once, try again later\n", 503),
    "gone": ("no longer subscribed\n", 410),
    "unknown": ("not found\n", 404),
}


def make_blueprint(settings: Settings, store: Store, *, now: Callable[[], datetime]) -> Blueprint:
    blueprint = Blueprint("websub", __name__)
    paths = dict.fromkeys((_PATH, unquote(urlsplit(settings.websub_callback or _PATH).path)))
    max_bytes = settings.fetch.max_body_bytes

    def verify(token: str) -> Response:
        """The hub asks whether we mean it, or tells that it does not want us."""
        query = request.args.to_dict()
        challenge = query.get("hub.challenge", "")
        with store.read() as tx:
            known = subscriptions.find_subscription(tx, token)
        if known is None or len(challenge) > _MAX_CHALLENGE:
            return _answer(*_ANSWERS["unknown"])
        with store.write() as tx:
            agreed = subscribing.answer_hub(tx, token, query, now=now())
        if not agreed:
            return _answer(*_ANSWERS["unknown"])
        return _answer(challenge, 200, content_type="application/octet-stream")

    def receive(token: str) -> Response:
        """The hub pushes a document."""
        with store.read() as tx:
            known = subscriptions.find_subscription(tx, token)
        if known is None or known.state == "ended":
            return _answer(*_ANSWERS["unknown" if known is None else "gone"])
        body = _read_body(max_bytes)
        if body is None:
            with store.write() as tx:
                subscribing.refuse_large(tx, token, now=now())
            return _answer("too large\n", 413)
        signed = websub.is_signed(body, request.headers.get("X-Hub-Signature"), secret=known.secret)
        with store.write() as tx:
            receipt = subscribing.receive(
                tx, token, body, signed=signed, content_type=request.content_type, now=now()
            )
        response = _answer(*_ANSWERS[receipt])
        if receipt == "full":
            response.headers["Retry-After"] = "60"
        return response

    for number, path in enumerate(paths):
        blueprint.add_url_rule(f"{path}<token>", f"verify{number}", verify, methods=["GET"])
        blueprint.add_url_rule(f"{path}<token>", f"receive{number}", receive, methods=["POST"])
    return blueprint


def _read_body(max_bytes: int) -> bytes | None:
    """None: it is longer than that."""
    if (request.content_length or 0) > max_bytes:
        return None
    body = bytearray()  # read by hand: Werkzeug cuts what comes in chunks off at its limit, in silence
    while len(body) <= max_bytes and (part := request.stream.read(max_bytes + 1 - len(body))):
        body += part
    return None if len(body) > max_bytes else bytes(body)


def _answer(text: str, status: int, *, content_type: str = "text/plain; charset=utf-8") -> Response:
    response = Response(text, status=status, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response
