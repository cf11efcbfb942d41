"""Headers that every answer carries."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' https: http: data:",
        "media-src https: http:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)

# Where images come from our own address.
_OWN_IMAGES_POLICY = POLICY.replace("img-src 'self' https: http: data:", "img-src 'self'")

# Whoever comes through a proxy has one of them; anybody else may, too.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-Ip", "Via")


def keep_images_ours(response: Response) -> Response:
    """Let pages show images from our own address alone; to be called after `protect`."""
    if response.headers["Content-Security-Policy"] == POLICY:
        response.headers["Content-Security-Policy"] = _OWN_IMAGES_POLICY
    return response


def protect(response: Response) -> Response:
    """No sniffing, no referrer, no script but our own, no framing; redirects that name no host."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    location = response.headers.get("Location")
    if location is not None:
        # Werkzeug builds slash redirects from the Host header, which anybody can forge.
        target = urlsplit(location)
        response.headers["Location"] = target.path + (f"?{target.query}" if target.query else "")
        response.set_data(b"")
    return response
