"""Which variant answers a request, and whether the client has it already (RFC 9110, 12.5.3 and 13.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from werkzeug.http import parse_etags

from aggregator.dates import parse_http_date
from aggregator.publish.encodings import ENCODERS
from aggregator.web.variants import IDENTITY, Document, Variant

_WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)  # RFC 9110, 12.4.2
_WILDCARD = "gzip"  # the only coding that whoever says * is sure to know
_REMEMBERED = 200  # characters; what nobody's software sends is worth no memory


def negotiate(document: Document, environ: Mapping[str, Any]) -> tuple[Variant, bool]:
    """The variant for a request (a WSGI environ), and whether 304 is the answer.

    A client that has another variant than the one it would get is told so by the tag of the one it has.
    """
    accepted = environ.get("HTTP_ACCEPT_ENCODING")
    variant = document.variants[choose_encoding(accepted) if accepted else IDENTITY]
    known = environ.get("HTTP_IF_NONE_MATCH")
    if known:
        if known == f'"{variant.tag}"':
            return variant, True
        return _find_known(document, variant, known)
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    return variant, since is not None and _is_unmodified(document, since)


def choose_encoding(accepted: str) -> str:
    """The coding that an Accept-Encoding field prefers; among equals the one we like best, identity last."""
    return _remembered(accepted) if len(accepted) <= _REMEMBERED else _choose(accepted)


def _choose(accepted: str) -> str:
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        weights.setdefault(name, _parse_weight(parameters))
    if "*" in weights:
        weights.setdefault(_WILDCARD, weights["*"])
    best = max(ENCODERS, key=lambda name: weights.get(name, 0.0))
    weight = weights.get(best, 0.0)
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0.0) else IDENTITY


_remembered = lru_cache(maxsize=512)(_choose)


def _parse_weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q"):
            match = _WEIGHT.fullmatch(parameter)
            return float(match[1]) if match else 0.0
    return 1.0


def _find_known(document: Document, variant: Variant, known: str) -> tuple[Variant, bool]:
    tags = parse_etags(known)
    if tags.star_tag:
        return variant, True
    for candidate in (variant, *document.variants.values()):
        if tags.contains_weak(candidate.tag):
            return candidate, True
    return variant, False


def _is_unmodified(document: Document, since: str) -> bool:
    modified_at, seen_at = document.rendered.modified_at, parse_http_date(since)
    if modified_at is None or seen_at is None:
        return False
    return modified_at.replace(microsecond=0) <= seen_at
