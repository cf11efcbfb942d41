"""A rendered document in every encoding, with the headers of its answers: what no request decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from flask import Response

from aggregator.dates import format_http_date
from aggregator.publish.encodings import encode
from aggregator.web.headers import protect

IDENTITY = "identity"

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a renderer gives: bytes that depend on the store and the configuration alone."""

    body: bytes
    content_type: str
    max_age: int  # seconds
    modified_at: datetime | None = None  # None: the tag alone says whether it changed
    shared: bool = False  # whether pages of other sites may read it (CORS)
    links: str | None = None  # the value of its Link header


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One encoding. The lists are shared by all answers: nobody may change them."""

    body: bytes
    tag: str  # strong, without its quotes
    headers: Headers  # of 200
    unchanged_headers: Headers  # of 304


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    rendered: Rendered
    variants: Mapping[str, Variant]  # by encoding, "identity" among them

    @property
    def size(self) -> int:
        return sum(len(variant.body) for variant in self.variants.values())


def make_document(rendered: Rendered, *, before: Document | None = None) -> Document:
    """`before` is what stood in its place: if the bytes are the same they are not compressed again."""
    if before is not None and before.rendered == rendered:
        return before
    if before is not None and before.rendered.body == rendered.body:
        bodies = {encoding: variant.body for encoding, variant in before.variants.items()}
    else:
        bodies = {IDENTITY: rendered.body} | encode(rendered.body)
    tag = blake2b(rendered.content_type.encode() + rendered.body, digest_size=12).hexdigest()
    variants = {encoding: _make_variant(rendered, encoding, body, tag) for encoding, body in bodies.items()}
    return Document(rendered=rendered, variants=variants)


def _make_variant(rendered: Rendered, encoding: str, body: bytes, tag: str) -> Variant:
    if encoding != IDENTITY:
        tag = f"{tag}-{encoding}"  # a strong tag names bytes, so every encoding has its own
    return Variant(
        body=body,
        tag=tag,
        headers=_make_headers(rendered, encoding, body, tag, 200),
        unchanged_headers=_make_headers(rendered, encoding, b"", tag, 304),
    )


def _make_headers(rendered: Rendered, encoding: str, body: bytes, tag: str, status: int) -> Headers:
    response = Response(body, status=status, content_type=rendered.content_type)
    headers = response.headers
    headers["ETag"] = f'"{tag}"'
    if rendered.modified_at is not None:
        headers["Last-Modified"] = format_http_date(rendered.modified_at)
    stale = f", stale-while-revalidate={rendered.max_age}"
    headers["Cache-Control"] = f"public, max-age={rendered.max_age}{stale}"
    headers["Vary"] = "Accept-Encoding"
    if rendered.links is not None:
        headers["Link"] = rendered.links
    if rendered.shared:
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Access-Control-Expose-Headers"] = "ETag"
    if encoding != IDENTITY:
        headers["Content-Encoding"] = encoding
    # Werkzeug drops what a 304 may not have, so that these are the headers that Flask would send.
    return protect(response).get_wsgi_headers({}).to_wsgi_list()
