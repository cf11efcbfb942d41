"""Our own hub (WebSub, 5): it takes requests for subscriptions down. The poller verifies and delivers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, request

from aggregator.catalogue import list_topics
from aggregator.config import OWN_HUB_PATH, Settings
from aggregator.errors import BadParameter
from aggregator.hub import parse_request
from aggregator.store import Store, subscribers
from aggregator.urls import host_bucket

_MAX_FORM_BYTES = 16 * 1024
_ANSWERS: dict[subscribers.Receipt, tuple[str, int]] = {
    "taken": ("accepted: hub.callback is asked to confirm it within seconds", 202),
    "unknown": ("there is no subscription of this hub.callback to this hub.topic", 404),
    "host full": (f"the host of hub.callback has {subscribers.MAX_OF_HOST} subscriptions already", 429),
    "full": (f"this hub has {subscribers.MAX_SUBSCRIBERS} subscriptions and takes no more", 503),
}


def make_blueprint(settings: Settings, store: Store, *, now: Callable[[], datetime]) -> Blueprint:
    blueprint = Blueprint("hub", __name__)
    topics = list_topics(settings)

    @blueprint.post(OWN_HUB_PATH)
    def subscribe() -> Response:
        request.max_content_length = _MAX_FORM_BYTES
        request.max_form_memory_size = _MAX_FORM_BYTES
        try:
            asked = parse_request(
                request.form.to_dict(),
                topics=topics,
                networks=settings.fetch.allow_networks,
                ports=settings.fetch.ports,
            )
        except BadParameter as error:
            return _answer(str(error), 400)
        with store.write() as tx:
            receipt = subscribers.ask(
                tx,
                asked,
                feed=topics[asked.topic].feed.name,
                host=host_bucket(asked.callback),
                now=now(),
            )
        response = _answer(*_ANSWERS[receipt])
        if response.status_code in (429, 503):
            response.headers["Retry-After"] = "3600"
        return response

    return blueprint


def _answer(text: str, status: int) -> Response:
    response = Response(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
