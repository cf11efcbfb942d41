"""Images of articles under our own address: signed, so that nobody else decides what we fetch. Pure."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from urllib.parse import quote

from aggregator.model import Site

PREFIX = "/picture/"
_SIGNATURE_BYTES = 16

# What images of each type begin with, and where; browsers show all of these. No SVG, which is a document.
_MAGIC = (
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/gif", 0, b"GIF87a"),
    ("image/gif", 0, b"GIF89a"),
    ("image/webp", 8, b"WEBPVP8"),
    ("image/avif", 4, b"ftypavif"),
    ("image/avif", 4, b"ftypavis"),
)


_ICO = b"\0\0\1\0"
ICON_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/x-icon": "ico",
}


def identify_icon(body: bytes) -> str | None:
    """As identify_image, and the format of favicon.ico."""
    return "image/x-icon" if body.startswith(_ICO) else identify_image(body)


def icon_path(name: str) -> str:
    return f"/icon/{name}"


def identify_image(body: bytes) -> str | None:
    """The media type by the first bytes, whatever the server called it; None: no image that we pass on."""
    found = (kind for kind, at, mark in _MAGIC if body.startswith(mark, at))
    return next(found, None)


def sign_picture(key: str, url: str) -> str:
    digest = hmac.digest(key.encode(), url.encode("utf-8", "surrogatepass"), "sha256")
    return urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).decode().rstrip("=")


def is_signed(key: str, url: str, signature: str) -> bool:
    return hmac.compare_digest(sign_picture(key, url).encode(), signature.encode("utf-8", "surrogatepass"))


def image_src(site: Site, url: str) -> str:
    """Where a page of ours gets an image from: the publisher, or our own address."""
    if site.picture_key is None:
        return url
    return f"{PREFIX}{sign_picture(site.picture_key, url)}?url={quote(url, safe='/:')}"


def image_url(site: Site, url: str) -> str:
    """The same for what is read elsewhere: always an absolute URL."""
    src = image_src(site, url)
    return src if src == url else site.url + src
