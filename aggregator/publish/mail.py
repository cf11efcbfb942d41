"""The digest of a day as an e-mail (RFC 5322): the same bytes for the same digest, whenever it is made."""

from __future__ import annotations

from collections.abc import Sequence
from email import policy
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import urlsplit

from aggregator.model import Site
from aggregator.publish.daily import DailyDigest
from aggregator.text import collapse_space, strip_controls

# Bodies are encoded, so that no line of them is too long, begins with "From " or looks like a boundary.
_POLICY = policy.SMTP.clone(cte_type="7bit")


def render_mail(
    digest: DailyDigest,
    *,
    site: Site,
    subject: str,
    text: str,
    html: str,
    sender: str | None,
    to: Sequence[str] = (),
) -> bytes:
    """Return the mail with its two forms, plain text and HTML, of which a reader shows the one it prefers.

    Its Message-ID is that of the site, edition and day alone: who gets it twice can drop one. Several
    addresses are not named. `sender` None: the mail is from nobody who could be written to.
    """
    host = get_mail_host(site)
    name = f"{digest.edition.id}.{digest.day.isoformat()}"
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(_clean(site.title), addr_spec=sender or f"digest@{host}")
    message["To"] = to[0] if len(to) == 1 else Group("undisclosed-recipients")
    message["Subject"] = _clean(subject)
    message["Date"] = format_datetime(digest.dated_at.astimezone(site.timezone))
    message["Message-ID"] = f"<digest.{name}@{host}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday greetings, please
    if sender is not None:
        message["List-Unsubscribe"] = f"<mailto:{sender}?subject=unsubscribe%20{digest.edition.id}>"
    message.set_content(text, cte=_choose_encoding(text))
    message.add_alternative(html, subtype="html", cte=_choose_encoding(html))
    message.set_boundary(f"=_digest.{name}_=")  # "=_" is in no body (RFC 2045, 6.7)
    return message.as_bytes()


def get_mail_host(site: Site) -> str:
    """What stands after the @ in addresses and ids of the site; literals in brackets (RFC 5321, 4.1.3)."""
    host = urlsplit(site.url).hostname or "localhost"
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdigit() else host


def _clean(text: str) -> str:
    return collapse_space(strip_controls(text))


def _choose_encoding(text: str) -> str:
    """The shorter one: quoted-printable has three letters for a byte beyond ASCII, base64 4/3 for any."""
    return "quoted-printable" if len(text.encode()) < 1.17 * len(text) else "base64"
