"""The table [digest]: when, to whom, from whom and through which server the digests of a day are sent."""

from __future__ import annotations

import re
from datetime import time
from urllib.parse import unquote, urlsplit

from aggregator.addresses import find_literal
from aggregator.model import MailServer

from . import kinds
from .lists import build_list_reader
from .problems import Bad, Place
from .secret import read_secret
from .tables import Context, Key, Table, plain
from .values import EMAIL, read_text

_PORTS = {"smtp": 587, "smtps": 465}
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def read_time(value: object) -> time:
    """A time of day, hours and minutes: `"07:00"`."""
    if isinstance(value, time):
        raise Bad(f'is no text; write it in quotes: "{value:%H:%M}"')
    text = read_text(value, example='"07:00"')
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise Bad(f'"{text}" is no time of day; write hours and minutes, from "00:00" to "23:59": "07:00"')
    return time(int(match[1]), int(match[2]))


def read_address(value: object) -> str:
    """An e-mail address that every mail server takes: ASCII, and no name beside it."""
    text = read_text(value, example='"news@example.org"')
    if not EMAIL.fullmatch(text) or not text.isascii():
        raise Bad(f'"{text}" is no e-mail address; write it alone and in ASCII: "news@example.org"')
    return text


def read_mail_server(value: object, place: Place, context: Context) -> MailServer:
    """`smtp://user:password@host:587` or `smtps://…`; user and password percent-encoded (RFC 3986, 2.1)."""
    url = read_secret(value, place, context)
    example = 'write "smtp://user:password@mail.example:587", or "env:NAME" and put it there'
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Bad(f"is no URL that can be read; {example}") from None
    if parts.scheme not in _PORTS or not host or not host.isascii() or re.search(r"[\s\x00-\x1f]", url):
        raise Bad(f"is no smtp or smtps URL with a host; {example}")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise Bad(f"has more than user, host and port in it; {example} (a slash in the password as %2F)")
    if (parts.username or "") and not parts.password:
        raise Bad(f"has a user name without a password; {example}")
    open_ = parts.scheme == "smtp" and _is_loopback(host)
    return MailServer(
        host=host,
        port=port or _PORTS[parts.scheme],
        security="none" if open_ else "starttls" if parts.scheme == "smtp" else "tls",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.username and parts.password else None,
    )


def _is_loopback(host: str) -> bool:
    address = find_literal(host)
    return host == "localhost" if address is None else address.is_loopback


DIGEST = Table(
    name="digest",
    header="[digest]",
    says="The news of a day by e-mail, a mail for each edition.",
    keys=(
        Key(
            name="at",
            read=plain(read_time),
            expects="time of day on the site's clocks",
            shape={"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
            default='"07:00"',
            says="When it is sent: before 12:00 that of the day before, from 12:00 on that of the day itself "
            "as far as it has come. A server that starts later sends it then, on the same day.",
        ),
        Key(
            name="to",
            read=build_list_reader(plain(read_address), '["readers@example.org"]'),
            expects="list of e-mail addresses",
            shape=kinds.list_of(kinds.TEXT),
            default="[]",
            says="Who gets it; nobody is shown the others. With it, `from` and `smtp` are needed.",
        ),
        Key(
            name="from",
            read=plain(read_address),
            expects="e-mail address",
            shape=kinds.TEXT,
            default_says="`digest@` the host of the site, for `aggregator digest` alone",
            says="The sender. Replies and wishes to be taken off the list go there: somebody should read it.",
        ),
        Key(
            name="smtp",
            read=read_mail_server,
            expects="`smtp://user:password@host:587` or `smtps://user:password@host:465`; may be a secret",
            shape=kinds.TEXT,
            default_says="nothing is sent",
            says="The mail server. `smtp` begins TLS after the greeting (STARTTLS), `smtps` before it. "
            "Without TLS nothing is sent, unless the server is on this machine (`smtp://localhost:25`).",
        ),
    ),
)
