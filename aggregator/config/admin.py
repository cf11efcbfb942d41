"""`[admin]`: the administration pages, and who is told of problems."""

from __future__ import annotations

from . import kinds
from .problems import Place
from .secret import read_password, read_secret
from .tables import Context, Key, Table
from .values import read_url


def read_webhook(value: object, place: Place, context: Context) -> str:
    """A URL that is as good as a password: whoever knows it can write in our name."""
    return read_url(read_secret(value, place, context))


ADMIN = Table(
    name="admin",
    header="[admin]",
    says="The administration pages, and who is told of problems.",
    keys=(
        Key(
            name="password",
            read=read_password,
            expects="secret",
            shape=kinds.TEXT,
            default_says="no administration pages",
            says="Opens `/admin/` (HTTP Basic, any user name, or as a bearer token). The password itself, no "
            'hash of it; best as `"env:NAME"` or `"file:PATH"`.',
        ),
        Key(
            name="webhook",
            read=read_webhook,
            expects="http or https URL; may be a secret",
            shape=kinds.TEXT,
            default_says="nobody is told",
            says="Where problems are told as they begin and end, by a POST of JSON (docs/operations.md).",
        ),
    ),
)
