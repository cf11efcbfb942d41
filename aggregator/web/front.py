"""In front of Flask: the answers of kept documents, for addresses that Flask has answered before."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Response, request

from aggregator.web.documents import DocumentResponse, Documents
from aggregator.web.negotiation import negotiate
from aggregator.web.variants import Headers

_ROUTES = 4096
_LONGEST = 1000  # characters of path and query


@dataclass(frozen=True, slots=True)
class _Route:
    """What Flask answers an address with: a document, and headers that the view has set besides."""

    key: str
    replaced: dict[str, str]
    added: Headers


class Front:
    """Learns from Flask which document an address means, and from then on answers in its place.

    Nothing is decided twice: addresses, rights and renderers are Flask's; where a document is not known to be
    current, Flask answers as ever.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._lock = threading.Lock()
        self._routes: dict[tuple[str, str], _Route] = {}

    def learn(self, response: Response) -> Response:
        """To be called after every other after_request function."""
        environ = request.environ
        address = (environ["PATH_INFO"], environ.get("QUERY_STRING", ""))
        if isinstance(response, DocumentResponse) and sum(map(len, address)) <= _LONGEST:
            route = _find_route(response)
            if route is not None and self._routes.get(address) != route:
                self._remember(address, route)
        return response

    def wrap(self, app: WSGIApplication) -> WSGIApplication:
        """`app`, asked only for what is not answered here."""
        find_route, find_document = self._routes.get, self._documents.find

        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            method = environ["REQUEST_METHOD"]
            route = find_route((environ["PATH_INFO"], environ.get("QUERY_STRING", "")))
            if route is None or (method != "GET" and method != "HEAD"):
                return app(environ, start_response)
            document = find_document(route.key)
            if document is None:
                return app(environ, start_response)
            variant, unchanged = negotiate(document, environ)
            headers = variant.unchanged_headers if unchanged else variant.headers
            if route.replaced or route.added:
                headers = [(name, route.replaced.get(name, value)) for name, value in headers] + route.added
            if unchanged:
                start_response("304 NOT MODIFIED", headers)
                return []
            start_response("200 OK", headers)
            return [variant.body] if method == "GET" else []

        return answer

    def _remember(self, address: tuple[str, str], route: _Route) -> None:
        with self._lock:
            if len(self._routes) >= _ROUTES:
                del self._routes[next(iter(self._routes))]
            self._routes[address] = route


def _find_route(response: DocumentResponse) -> _Route | None:
    """None where the view has made something else of the document."""
    prepared, sent = dict(response.prepared), response.headers.to_wsgi_list()
    names = {name for name, _ in sent}
    if response.status_code not in (200, 304) or not names.issuperset(prepared):
        return None
    if "Set-Cookie" in names or dict(sent)["Vary"] != prepared["Vary"]:
        return None
    return _Route(
        response.key,
        replaced={name: value for name, value in sent if prepared.get(name, value) != value},
        added=[(name, value) for name, value in sent if name not in prepared],
    )
