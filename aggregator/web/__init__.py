"""The web side: Flask over the store, read-only but for WebSub; granian serves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flask import Flask

from aggregator.config import Settings
from aggregator.places import find_shown_site
from aggregator.store import Store
from aggregator.store.clock import Clock
from aggregator.web import (
    admin,
    embeds,
    feeds,
    health,
    hub,
    icons,
    metrics,
    pages,
    reference,
    sitemaps,
    websub,
)
from aggregator.web.documents import Documents
from aggregator.web.front import Front
from aggregator.web.headers import keep_images_ours, protect
from aggregator.web.limits import limit

_PICTURES = "pictures"


def create_app(
    settings: Settings,
    store: Store,
    *,
    documents: Documents | None = None,
    proxies: int = 0,
    waiting: int = 1,
) -> Flask:
    """The WSGI application for these settings. It sets no cookie and reads no Host header.

    It writes nothing but the answers to hubs (websub.py), what is asked of ours (hub.py) and what an admin
    decides (actions.py). While somebody runs `follow` of the `documents` that are handed in, what is rendered
    is answered without Flask (front.py). `proxies` of ours stand in front of it. Where images are passed on,
    `waiting` requests at most wait for publishers at the same time; `close_app` ends what they need.
    """
    app = Flask(__name__, static_folder=str(Path(__file__).parent / "static"), static_url_path="/static")
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
    documents = documents or Documents(store)
    now = Clock(store)
    front = Front(documents)
    app.after_request(front.learn)  # called last: Flask goes from the last to the first
    if settings.site.images_proxied:
        app.after_request(keep_images_ours)  # after `protect`, as above
        with store.read() as tx:
            settings = replace(settings, site=find_shown_site(tx, settings.site))
        _pass_images_on(app, settings, waiting)
    app.register_blueprint(health.make_blueprint(store, now=now))
    app.register_blueprint(metrics.make_blueprint(store, now=now))
    app.register_blueprint(websub.make_blueprint(settings, store, now=now))
    if settings.has_own_hub:
        app.register_blueprint(hub.make_blueprint(settings, store, now=now))
    app.register_blueprint(feeds.make_blueprint(settings, documents))
    app.register_blueprint(sitemaps.make_blueprint(settings, documents))
    app.register_blueprint(icons.make_blueprint(store))
    environments = pages.make_environments(settings.site)
    app.register_blueprint(pages.make_blueprint(settings, documents, environments))
    app.register_blueprint(embeds.make_blueprint(settings, documents, environments))
    app.register_blueprint(reference.make_blueprint(settings, store, documents, environments))
    if settings.admin_password is not None:
        secret = settings.admin_password
        app.register_blueprint(admin.make_blueprint(settings, secret, store, environments, now=now))
    pages.register_errors(app, settings, environments)
    app.after_request(protect)
    limit(app, proxies=proxies)
    app.wsgi_app = front.wrap(app.wsgi_app)  # type: ignore[assignment, method-assign]
    return app


def close_app(app: Flask) -> None:
    """End what the application has running besides requests."""
    if (pictures := app.extensions.get(_PICTURES)) is not None:
        pictures.close()


def _pass_images_on(app: Flask, settings: Settings, waiting: int) -> None:
    # Only here: most sites pass nothing on, and libcurl would be in the memory of every web worker.
    from aggregator.pictures import Pictures
    from aggregator.web import pictures

    app.extensions[_PICTURES] = Pictures(settings, waiting=waiting)
    app.register_blueprint(pictures.make_blueprint(str(settings.site.picture_key), app.extensions[_PICTURES]))
