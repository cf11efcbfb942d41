"""URLs: one key to compare them by, and one absolute form that is safe to publish.

Two readings of the same reference, never mixed up: `canonical_url` throws away what does not tell one
article from another and is never shown; `absolute_url` keeps everything and makes it a valid URI (RFC 3986).
Both read a reference as browsers do where publishers rely on it: stray white space, backslashes, raw Arabic
letters and international host names (WHATWG URL). None of the functions here ever raises.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

MAX_URL_CHARS = 4096

_DEFAULT_PORTS = {"http": 80, "https": 443}

# What stands round a pasted URL and never belongs to it: C0 controls, white space, invisible marks.
_EDGES = (
    "".join(map(chr, range(0x21)))
    + "\x7f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff\u061c"
    + "".join(map(chr, [*range(0x2000, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]))
)
_REMOVED = str.maketrans("", "", "\t\n\r")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_HEAD = re.compile(r"[^?#]*")
_PARTS = re.compile(  # RFC 3986, appendix B
    r"(?:([A-Za-z][A-Za-z0-9+.\-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_HOST_IGNORED = str.maketrans({"\u3002": ".", "\xad": None, "\u200b": None, "\u2060": None, "\ufeff": None})

_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_PATH_CHARS = _UNRESERVED + "!$&'()*+,;=:@"
_QUERY_CHARS = _UNRESERVED + "!$'()*,;:@/?"


def _unsafe_outside(allowed: str) -> re.Pattern[str]:
    return re.compile(rf"[^{re.escape(allowed)}%]+|%(?![0-9A-Fa-f]{{2}})")


_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_UNSAFE_IN_PATH = _unsafe_outside(_PATH_CHARS + "/")
_UNSAFE_IN_QUERY = _unsafe_outside(_PATH_CHARS + "/?")
_UNSAFE_IN_FIELD = _unsafe_outside(_QUERY_CHARS)
_PATH_DECODED = {f"%{ord(char):02X}": char for char in _PATH_CHARS}
_FIELD_DECODED = {f"%{ord(char):02X}": char for char in _QUERY_CHARS}

# What absolute_url gives as it is, and no parser reads in another way: a host that is a name and no number.
_PLAIN = re.compile(
    r"https?://(?=[^/]{1,253}/)(?:(?!xn--)[a-z0-9_-]{1,63}+\.)++[a-z]{2,24}/"
    rf"(?:[{re.escape(_PATH_CHARS)}/]++|%[0-9A-Fa-f]{{2}})*+"
    rf"(?:\?(?:[{re.escape(_PATH_CHARS)}/?]++|%[0-9A-Fa-f]{{2}})*+)?+"
    rf"(?:\#(?:[{re.escape(_PATH_CHARS)}/?]++|%[0-9A-Fa-f]{{2}})*+)?+"
)
_ROOT_KEY = re.compile(r"https://[^/?#]+/")
_MOBILE_PREFIXES = ("www.", "m.", "amp.")
_ESCAPED_TWICE = re.compile(r"^(?:amp;)+")  # what escaping an ampersand again leaves before a name
_AMP_VALUES = frozenset({"", "1", "true"})

# Parameters that name the reader's way to the article and never the article. Compared in lower case.
_TRACKING_PREFIXES = ("utm_", "ns_", "hsa_", "mtm_")
_TRACKING = frozenset(
    # advertisers' and networks' click identifiers
    "fbclid gclid gclsrc gbraid wbraid dclid msclkid yclid ymclid ysclid ttclid twclid igshid igsh li_fat_id "
    "epik rdt_cid s_kwcid ef_id _openstat yadclid dicbo tblci _branch_match_id fb_action_ids fb_action_types "
    "fb_source fb_ref ref_src __twitter_impression "
    # analytics and mail campaigns
    "_ga _gl ga_source ga_medium ga_campaign ga_content ga_term pk_campaign pk_kwd pk_keyword pk_source "
    "pk_medium pk_content piwik_campaign piwik_kwd piwik_keyword mc_cid mc_eid mc_tc mkt_tok _hsenc _hsmi "
    "__hstc __hssc __hsfp hsctatracking vero_id vero_conv oly_enc_id oly_anon_id elqtrack elqtrackid cm_mmc "
    "s_cid sc_cid wt_mc wt.mc_id wt_zmc xtor ocid cmpid icid intcmp guccounter guce_referrer "
    "guce_referrer_sig "
    # publishers: BBC, Deutsche Welle, Al Jazeera, Reuters, New York Times, CNBC, CBS, Daily Mail, Yahoo
    "at_medium at_campaign at_campaign_type at_custom1 at_custom2 at_custom3 at_custom4 at_format at_link_id "
    "at_link_origin at_link_type at_bbc_team at_ptr_name at_ptr_type at_creation at_variant maca "
    "traffic_source taid smid smtyp __source ftag ito soc_src soc_trk".split()
)
_TRACKING_AS_WRITTEN = frozenset({"CMP"})  # The Guardian's; `cmp` in lower case may name a page


class _Reference(NamedTuple):
    scheme: str | None
    authority: str | None
    path: str
    query: str | None
    fragment: str | None


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int | None  # None: the scheme's default


@lru_cache(maxsize=1024)
def canonical_url(url: str) -> str | None:
    """The key two URLs of one document share; only for comparison, never shown and never fetched.

    Dropped are the difference of http and https, `www.`, `m.` and `amp.`, user names, the ports 80 and 443,
    fragments but for `#!`, AMP forms, the slash at the end, doubled slashes, dot segments and tracking
    parameters (by a list of known ones). Parameters are sorted by name; equal names keep their order, since
    it may matter, and blank values stay. Percent-encoding is spelled one way (RFC 3986, 6.2.2); octets that
    are no UTF-8 stay encoded, a `%` that starts no escape counts as the character.
    None: not http(s), or no usable host. The function is idempotent.
    """
    reference = _split(url)
    origin = _find_origin(reference)
    if origin is None:
        return None
    port = "" if origin.port in (None, 80, 443) else f":{origin.port}"
    query = _canonical_query(reference.query or "")
    fragment = reference.fragment or ""
    return "".join(
        (
            "https://",
            _bare_host(origin.host),
            port,
            _canonical_path(reference.path),
            f"?{query}" if query else "",
            f"#{_respell_path(fragment)}" if fragment.startswith("!") else "",
        )
    )


def absolute_url(base: str, reference: str) -> str | None:
    """The URL that `reference` means in a document at `base`: a valid http(s) URI, safe to publish.

    Resolved by RFC 3986, 5.2; everything outside its alphabet is percent-encoded, the host is in its ASCII
    form, a default port and a user name with password are gone, the fragment is kept. `base` is not looked
    at when the reference is absolute; an empty reference means the base itself.
    None: any other scheme (`javascript:`, `data:`, `mailto:`), no usable host, or longer than
    `MAX_URL_CHARS` before or after encoding.
    """
    if len(reference) > 2 * MAX_URL_CHARS:
        return None
    if is_plain_url(reference):
        return reference
    target = _split(reference)
    if target.scheme is None:
        target = _resolve(_split(base), target)
    origin = _find_origin(target)
    if origin is None:
        return None
    port = "" if origin.port is None else f":{origin.port}"
    path = _UNSAFE_IN_PATH.sub(_escape, _without_dots(target.path))
    query = "" if target.query is None else "?" + _UNSAFE_IN_QUERY.sub(_escape, target.query)
    fragment = "" if target.fragment is None else "#" + _UNSAFE_IN_QUERY.sub(_escape, target.fragment)
    url = f"{origin.scheme}://{origin.host}{port}{path}{query}{fragment}"
    return url if len(url) <= MAX_URL_CHARS else None


def is_plain_url(text: str) -> bool:
    """True: `absolute_url` gives it as it is. False says nothing."""
    return _PLAIN.fullmatch(text) is not None and "/." not in text and len(text) <= MAX_URL_CHARS


def host_bucket(url: str) -> str:
    """The host in lower case, with `:port` when it is not the scheme's default: what politeness counts by.

    "" when the URL is not http(s) or has no usable host.
    """
    origin = _find_origin(_split(url))
    if origin is None:
        return ""
    return origin.host if origin.port is None else f"{origin.host}:{origin.port}"


def is_root_url(url: str) -> bool:
    """Whether the URL is a site's home page, which identifies no item: no path and no query.

    Tracking parameters are no query; a `#!` route is one.
    """
    key = canonical_url(url)
    return key is not None and _ROOT_KEY.fullmatch(key) is not None


def url_path(url: str) -> str:
    """The decoded path, as an admin writes it in a rule; "/" when empty, "" when the URL is not http(s)."""
    reference = _split(url)
    if _find_origin(reference) is None:
        return ""
    return unquote(_without_dots(reference.path))


def _split(text: str) -> _Reference:
    text = _SURROGATES.sub("\ufffd", text.strip(_EDGES).translate(_REMOVED))
    head = _HEAD.match(text)
    assert head is not None
    match = _PARTS.fullmatch(head.group().replace("\\", "/") + text[head.end() :])
    assert match is not None  # every part is optional
    scheme, authority, path, query, fragment = match.groups()
    return _Reference(scheme.lower() if scheme else None, authority, path, query, fragment)


def _resolve(base: _Reference, reference: _Reference) -> _Reference:
    """RFC 3986, 5.2.2, for a reference without a scheme; dot segments are left for later."""
    if reference.authority is not None:
        return reference._replace(scheme=base.scheme)
    if not reference.path:
        query = base.query if reference.query is None else reference.query
        return base._replace(query=query, fragment=reference.fragment)
    path = reference.path
    if not path.startswith("/"):
        path = base.path[: base.path.rfind("/") + 1] + path
    return base._replace(path=path, query=reference.query, fragment=reference.fragment)


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4, for the path of a URL with a host: the answer starts with a slash."""
    kept: list[str] = []
    segments = path.removeprefix("/").split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _find_origin(reference: _Reference) -> _Origin | None:
    if reference.scheme not in _DEFAULT_PORTS or not reference.authority:
        return None
    match = _AUTHORITY.fullmatch(reference.authority.rpartition("@")[2])
    host = _find_host(match[1]) if match else None
    if match is None or host is None:
        return None
    digits = (match[2] or "").lstrip("0")
    if len(digits) > 5 or (match[2] and not 0 < int(digits or "0") < 65536):
        return None
    port = int(digits) if digits else None
    return _Origin(reference.scheme, host, None if port == _DEFAULT_PORTS[reference.scheme] else port)


@lru_cache(maxsize=1024)
def _find_host(host: str) -> str | None:
    if host.startswith("["):
        return _find_ipv6(host[1:-1])
    if len(host) > 1024:  # longer than any name, even percent-encoded
        return None
    if "%" in host:
        host = unquote(host)
    if not host.isascii():
        host = unicodedata.normalize("NFKC", host).translate(_HOST_IGNORED)
    labels = [_find_label(label) for label in host.lower().removesuffix(".").split(".")]
    name = ".".join(label for label in labels if label is not None)
    return name if None not in labels and len(name) <= 253 else None


def _find_label(label: str) -> str | None:
    if not label.isascii():
        # Not Python's "idna" codec: that is IDNA 2003, which reads ß as ss and drops the ZWNJ of Persian
        # names, so browsers would go to another host (UTS 46, non-transitional).
        if len(label) > 63 or not all(_may_name_host(char) for char in label):
            return None
        label = "xn--" + unicodedata.normalize("NFC", label).encode("punycode").decode("ascii")
    return label if _LABEL.fullmatch(label) else None


def _may_name_host(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in "-_"
    return char in "\u200c\u200d" or (char != "\ufffd" and unicodedata.category(char)[0] in "LMNS")


def _find_ipv6(literal: str) -> str | None:
    if "%" in literal:  # a zone names an interface of the publisher's machine
        return None
    try:
        return f"[{ipaddress.IPv6Address(literal)}]"
    except ValueError:
        return None


def _bare_host(host: str) -> str:
    while host.startswith(_MOBILE_PREFIXES):
        rest = host.partition(".")[2]
        if "." not in rest:  # www.com is a name of its own
            break
        host = rest
    return host


def _canonical_path(path: str) -> str:
    segments = [segment for segment in _without_dots(_respell_path(path)).split("/") if segment]
    while len(segments) > 1 and segments[-1] == "amp":
        segments.pop()
    return "/" + "/".join(segments)


def _canonical_query(query: str) -> str:
    fields: list[tuple[str, str]] = []
    for piece in query.split("&"):
        raw_name, equals, raw_value = piece.partition("=")
        name = _ESCAPED_TWICE.sub("", _respell_field(raw_name))
        value = _respell_field(raw_value)
        if (name or equals) and not _is_tracking(name, value):
            fields.append((name, name + equals + value))
    fields.sort(key=lambda field: field[0])
    return "&".join(spelled for _, spelled in fields)


def _is_tracking(name: str, value: str) -> bool:
    lower = name.lower()
    return (
        lower in _TRACKING
        or lower.startswith(_TRACKING_PREFIXES)
        or name in _TRACKING_AS_WRITTEN
        or (lower == "amp" and value in _AMP_VALUES)
        or (lower == "outputtype" and value == "amp")
    )


def _respell_path(path: str) -> str:
    escaped = _UNSAFE_IN_PATH.sub(_escape, path)
    return _ESCAPE.sub(lambda match: _PATH_DECODED.get(match[0].upper(), match[0].upper()), escaped)


def _respell_field(field: str) -> str:
    """One name or value of a query: a form, where `+` means a space."""
    escaped = _UNSAFE_IN_FIELD.sub(_escape, field.replace("+", " "))
    return _ESCAPE.sub(lambda match: _FIELD_DECODED.get(match[0].upper(), match[0].upper()), escaped)


def _escape(match: re.Match[str]) -> str:
    return quote(match.group(), safe="")
