"""The digest of a day: made from what is stored, and sent by e-mail, each once.

Before a digest is sent, a row in the store says so: of several servers one sends it. If that one dies before
the row says that it is sent, nobody knows whether it is: later it is sent again, under the same Message-ID.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Literal, get_args

from aggregator.config import Settings
from aggregator.errors import MailFailed, NothingPublished
from aggregator.mailing import send_mail
from aggregator.model import Edition
from aggregator.places import find_shown_site
from aggregator.publish import daily, mail
from aggregator.publish.templates import make_environment
from aggregator.store import Store, Transaction, digests, fronts, open_store
from aggregator.store.digests import DigestRecord

Format = Literal["html", "text", "eml"]
FORMATS: tuple[Format, ...] = get_args(Format)

CLAIMED = timedelta(minutes=10)  # an attempt may take a quarter of that: after it, it has died
_FIRST_RETRY, _LAST_RETRY = timedelta(minutes=5), timedelta(hours=1)
_TIME = "%Y-%m-%d %H:%M"

_log = logging.getLogger(__name__)


def make_digest(
    settings: Settings, edition_id: str, day: date | None, form: Format, *, now: datetime
) -> bytes:
    """The digest of a day, as `make_document` makes it; `day` None is today on the site's clocks."""
    edition = settings.get_edition(edition_id)
    on = day or now.astimezone(settings.site.timezone).date()
    store = open_store(settings.store_url)
    try:
        with store.read() as tx:
            return make_document(tx, settings, edition, on, form)
    finally:
        store.close()


def make_document(tx: Transaction, settings: Settings, edition: Edition, day: date, form: Format) -> bytes:
    """The digest of a day as one document. Raises NothingPublished."""
    site = find_shown_site(tx, settings.site)
    digest = daily.build_digest(
        site=site,
        edition=edition,
        day=day,
        stories=fronts.list_day_stories(tx, edition.id, day, zone=site.timezone),
        priorities={source.id: source.priority for source in settings.sources},
    )
    if digest is None:
        raise NothingPublished(
            f"nothing was published in {edition.id} on {day}: there is no digest of that day"
        )
    env = make_environment(edition)
    if form == "html":
        return daily.render_page(env, site=site, digest=digest).encode()
    text = daily.render_text(env, site=site, digest=digest)
    if form == "text":
        return text.encode()
    return mail.render_mail(
        digest,
        site=site,
        subject=daily.render_subject(env, site=site, digest=digest),
        text=text,
        html=daily.render_page(env, site=site, digest=digest),
        sender=settings.mailing.sender,
        to=settings.mailing.to,
    )


# --- sending --------------------------------------------------------------------------------------


def find_due_day(settings: Settings, *, now: datetime) -> date | None:
    """The day whose digest is to be sent by now; None: today it is too early."""
    local = now.astimezone(settings.site.timezone)
    at = settings.mailing.at
    if local.time() < at:
        return None
    return local.date() - timedelta(days=1) if at < time(12) else local.date()


def send_due(
    store: Store, settings: Settings, *, clock: Callable[[], datetime], stopping: threading.Event
) -> None:
    """Send every edition's digest that is due and that nobody has sent or is sending."""
    day = find_due_day(settings, now=clock()) if settings.mailing.to else None
    if day is None:
        return
    for edition in settings.site.editions:
        attempt = None if stopping.is_set() else _claim(store, edition, day, now=clock())
        if attempt is not None:
            _send(store, settings, edition, day, attempt=attempt, clock=clock, stopping=stopping)


def _claim(store: Store, edition: Edition, day: date, *, now: datetime) -> int | None:
    """The number of the attempt that is ours; None: it is not due, or another server was faster."""
    with store.read() as tx:
        if not _is_due(digests.find_digest(tx, edition.id, day), now):
            return None
    with store.write() as tx:
        if not _is_due(digests.find_digest(tx, edition.id, day), now):
            return None
        return digests.record_claim(tx, edition.id, day, now=now)


def _send(
    store: Store,
    settings: Settings,
    edition: Edition,
    day: date,
    *,
    attempt: int,
    clock: Callable[[], datetime],
    stopping: threading.Event,
) -> None:
    mailing = settings.mailing
    assert mailing.server is not None
    assert mailing.sender is not None
    try:
        with store.read() as tx:
            message = make_document(tx, settings, edition, day, "eml")
        refused = send_mail(
            mailing.server,
            message,
            sender=mailing.sender,
            to=mailing.to,
            local_name=mail.get_mail_host(settings.site),
            stopping=stopping,
        )
    except (MailFailed, NothingPublished) as error:
        _log.warning("the digest of %s in %s is not sent: %s", day, edition.id, error)
        with store.write() as tx:
            digests.record_failure(tx, edition.id, day, attempt=attempt, error=str(error))
        return
    note = "; ".join(f"{address} ({reply})" for address, reply in refused.items()) or None
    with store.write() as tx:
        digests.record_sent(tx, edition.id, day, now=clock(), error=note)
    taken = len(mailing.to) - len(refused)
    _log.info("the digest of %s in %s is sent to %d of %d addresses", day, edition.id, taken, len(mailing.to))


def _is_due(record: DigestRecord | None, now: datetime) -> bool:
    return record is None or (record.sent_at is None and now >= _get_next_at(record))


def _get_next_at(record: DigestRecord) -> datetime:
    if record.error is None:
        return record.claimed_at + CLAIMED
    doubled: timedelta = _FIRST_RETRY * 2 ** min(record.attempts - 1, 10)
    return record.claimed_at + min(doubled, _LAST_RETRY)


# --- what status says -----------------------------------------------------------------------------


def list_digest_notices(settings: Settings, *, now: datetime) -> tuple[str, ...]:
    """How the latest digest of each edition fared, where any are sent."""
    if not settings.mailing.to:
        return ()
    store = open_store(settings.store_url)
    try:
        with store.read() as tx:
            records = digests.list_latest(tx)
    finally:
        store.close()
    due = find_due_day(settings, now=now)
    known = (records[edition.id] for edition in settings.site.editions if edition.id in records)
    return tuple(notice for record in known for notice in _describe(record, due=record.day == due))


def _describe(record: DigestRecord, *, due: bool) -> Iterator[str]:
    name = f"that of {record.day} in {record.edition}"
    times = "once" if record.attempts == 1 else f"{record.attempts} times"
    if record.sent_at is not None:
        yield f"{name} was sent {record.sent_at:{_TIME}} UTC"
        if record.error is not None:
            yield f"{name} was not taken for {record.error}: correct to of [digest]"
    elif not due:
        yield f"{name} was not sent, tried {times}, and is given up: {record.error or 'the server died'}"
    elif record.error is None:
        yield f"{name} is being sent since {record.claimed_at:{_TIME}} UTC"
    else:
        again = f"it is tried again {_get_next_at(record):%H:%M} UTC"
        yield f"{name} is not sent, tried {times}: {record.error}; {again}"
