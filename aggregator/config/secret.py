"""Values that may be secret: `env:NAME` and `file:PATH`. No message here ever contains the value itself."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from .problems import Bad, Place, build_wrong_type, describe, render_choices, render_suggestion
from .tables import Context
from .values import OWN_HEADERS

STORE_VARIABLE = "AGGREGATOR_STORE_URL"
STORE_SCHEMES = ("sqlite", "postgresql+psycopg")
MAX_SECRET_BYTES = 65_536

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")  # RFC 9110, 5.5, without obs-text


def read_secret(value: object, _place: Place, context: Context) -> str:
    """The text itself, or what the named variable or file holds, without the line break at its end."""
    if not isinstance(value, str):
        raise build_wrong_type("a text in double quotes", value, '"env:NAME" or "file:PATH"')
    kind, colon, name = value.partition(":")
    if colon and kind == "env":
        secret = _read_variable(name, context)
    elif colon and kind == "file":
        secret = _read_file(name, context)
    else:
        secret = value
    if not secret.strip():
        raise Bad('is empty; write "env:NAME" or "file:PATH", and put the secret there')
    return secret


def read_password(value: object, place: Place, context: Context) -> str:
    """A secret that somebody types. A hash in its place would be one that opens nothing they know."""
    password = read_secret(value, place, context)
    if password.startswith("$argon2"):
        raise Bad('is a hash; write "env:NAME" or "file:PATH", and put the password itself there')
    return password


def _read_variable(name: str, context: Context) -> str:
    if not _VARIABLE.fullmatch(name):
        raise Bad('does not name an environment variable after "env:"; write "env:NAME"')
    if name not in context.environ:
        raise Bad(f"the environment variable {name} is not set; set it, or name another")
    return context.environ[name]


def _read_file(name: str, context: Context) -> str:
    try:
        with (context.folder / name).open("rb") as file:
            raw = file.read(MAX_SECRET_BYTES + 1)
        if len(raw) > MAX_SECRET_BYTES:
            raise Bad(f'the file "{name}" has more than 64 KiB; name a file that holds only the secret')
        return raw.decode().rstrip("\r\n")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise Bad(f'the file "{name}" cannot be read ({reason}); write it, or name another') from None
    except ValueError:
        raise Bad("the file named holds no text in UTF-8; write the secret alone into it") from None


def read_store_url(value: object, place: Place, context: Context) -> str:
    """A SQLAlchemy URL of a known kind; SQLite files are beside the configuration file, made absolute."""
    url = read_secret(value, place, context)
    scheme, colon, rest = url.partition("://")
    if not colon:
        raise Bad(f'is no store URL; write "sqlite:///aggregator.db" or {_write_postgresql()}')
    if scheme not in STORE_SCHEMES:
        near = "postgresql+psycopg" if scheme.startswith("postgres") else scheme
        choices = render_choices(f"{known}://…" for known in STORE_SCHEMES)
        raise Bad(f"is of no kind that is known; write {choices}{render_suggestion(near, STORE_SCHEMES)}")
    if scheme != "sqlite":
        return _check_postgresql(url)
    name, question, options = rest.removeprefix("/").partition("?")
    if not rest.startswith("/") or not name or name.endswith("/") or name.startswith(":memory:"):
        raise Bad('names no file; write "sqlite:///aggregator.db", three slashes and the file')
    return f"sqlite:///{Path(context.folder, name).absolute()}{question}{options}"


def _check_postgresql(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Bad(f"is no URL that can be read; write {_write_postgresql()}") from None
    if not parts.path.strip("/"):
        raise Bad(f"names no database; write {_write_postgresql()}")
    return url


def _write_postgresql() -> str:
    return '"postgresql+psycopg://user@host/database"'


def read_headers(value: object, place: Place, context: Context) -> tuple[tuple[str, str], ...]:
    """Header names and values, in the order of the file. Reports each wrong one at its own place."""
    if not isinstance(value, dict):
        raise build_wrong_type("a table of header names and values", value, '{ Authorization = "env:NAME" }')
    headers = []
    for name, written in value.items():
        try:
            headers.append((_read_header_name(name), _read_header_value(written, (*place, name), context)))
        except Bad as bad:
            context.report.problem((*place, name), str(bad))
    return tuple(headers)


def _read_header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise Bad("is no name of an HTTP header; write letters, digits and hyphens")
    if name.lower() in OWN_HEADERS:
        raise Bad("is a header that the aggregator sets itself; leave it out")
    return name


def _read_header_value(value: object, place: Place, context: Context) -> str:
    if isinstance(value, dict):  # an unquoted name with a dot in it
        raise Bad(f'needs a text, found {describe(value)}; write a name with a dot in quotes: "X.Name" = "…"')
    secret = read_secret(value, place, context)
    if not _HEADER_VALUE.fullmatch(secret):
        raise Bad("has a line break, a blank at its ends or a letter beyond ASCII in it; write it without")
    return secret
