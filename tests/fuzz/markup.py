"""What may do harm in HTML, as judged by a parser that has no part in sanitising."""

from __future__ import annotations

from urllib.parse import urlsplit

import lxml.html

_ALIVE = frozenset(
    "script style iframe frame frameset object embed applet form input button select textarea link meta base "
    "svg math template noscript xmp plaintext noembed title portal".split()
)
_ADDRESSES = frozenset(
    "href src poster action formaction data background cite srcset xlink:href ping longdesc".split()
)


def find_harm(html: str) -> list[str]:
    """Each element that may act, each handler, style and address of another scheme; [] where none is."""
    if not html.strip():
        return []
    found = []
    for element in lxml.html.fragment_fromstring(html, create_parent="div").iter():
        if not isinstance(element.tag, str):
            found.append("a comment or processing instruction")
            continue
        if element.tag.lower() in _ALIVE or ":" in element.tag:
            found.append(f"<{element.tag}>")
        for name, value in element.attrib.items():
            if name.lower().startswith("on") or name.lower() in ("style", "srcdoc", "id", "class", "name"):
                found.append(f"{name}={value!r}")
            if name.lower() in _ADDRESSES and not _is_harmless(element.tag, name, value):
                found.append(f"{name}={value!r}")
    return found


def _is_harmless(tag: str, name: str, value: str) -> bool:
    if tag == "a" and name == "href" and value.lower().startswith("mailto:"):
        return True
    return urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).netloc)
