"""The digest as an e-mail, read back by the standard library's parser."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Edition, Site
from aggregator.publish import daily
from aggregator.publish.mail import get_mail_host, render_mail
from aggregator.publish.templates import make_environment
from tests.mailbox import parse_mail
from tests.publish.page_samples import AR, EN, HOSTILE_TITLE, NOON, SITE, make_article, make_stories

DAY = NOON.date()
ADDRESSES = ("one@readers.example", "two@readers.example")
ENVIRONMENTS = {edition.id: make_environment(edition) for edition in (AR, EN)}


def render_forms(title: str, *, edition: Edition = AR, site: Site = SITE) -> dict[str, str]:
    stories = make_stories([make_article("a", title=title)])
    digest = daily.build_digest(site=site, edition=edition, day=DAY, stories=stories)
    assert digest is not None
    env = ENVIRONMENTS[edition.id]
    return {
        "subject": daily.render_subject(env, site=site, digest=digest),
        "text": daily.render_text(env, site=site, digest=digest),
        "html": daily.render_page(env, site=site, digest=digest),
    }


def render(
    title: str = "خبر",
    *,
    edition: Edition = AR,
    site: Site = SITE,
    to: tuple[str, ...] = (),
    sender: str | None = None,
) -> bytes:
    stories = make_stories([make_article("a", title=title)])
    digest = daily.build_digest(site=site, edition=edition, day=DAY, stories=stories)
    assert digest is not None
    forms = render_forms(title, edition=edition, site=site)
    return render_mail(digest, site=site, sender=sender, to=to, **forms)


def get_parts(mail: EmailMessage) -> dict[str, str]:
    return {part.get_content_type(): part.get_content() for part in mail.iter_parts()}


@pytest.mark.parametrize("edition", [AR, EN], ids=lambda e: e.id)
def test_it_has_both_forms_as_they_are_by_themselves(edition: Edition) -> None:
    mail = parse_mail(render(HOSTILE_TITLE, edition=edition))
    forms = render_forms(HOSTILE_TITLE, edition=edition)
    assert mail.get_content_type() == "multipart/alternative"
    assert list(get_parts(mail)) == ["text/plain", "text/html"]
    assert get_parts(mail)["text/plain"].splitlines() == forms["text"].splitlines()
    assert get_parts(mail)["text/html"].splitlines() == forms["html"].splitlines()


def test_its_head_says_whose_it_is_and_which_and_nothing_of_now() -> None:
    mail = parse_mail(render(sender="news@news.example"))
    assert str(mail["From"]) == "بوابة الأنباء <news@news.example>"
    assert str(mail["Subject"]) == "الثلاثاء، 24 نوفمبر 2026: خبر"
    assert mail["Message-ID"] == "<digest.ar.2026-11-24@news.example>"
    assert parsedate_to_datetime(mail["Date"]) == NOON
    assert mail["List-Unsubscribe"] == "<mailto:news@news.example?subject=unsubscribe%20ar>"
    assert render() == render()


def test_nobody_is_asked_to_write_to_a_sender_that_is_not_configured() -> None:
    mail = parse_mail(render())
    assert mail["From"].addresses[0].addr_spec == "digest@news.example"
    assert mail["List-Unsubscribe"] is None


def test_one_address_is_named_and_several_are_not() -> None:
    assert parse_mail(render(to=ADDRESSES[:1]))["To"] == ADDRESSES[0]
    assert not any(address.encode() in render(to=ADDRESSES) for address in ADDRESSES)


@pytest.mark.parametrize("edition", [AR, EN], ids=lambda e: e.id)
def test_lines_are_fit_for_every_mail_server(edition: Edition) -> None:
    lines = render("word " * 400, edition=edition).split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert not any(b"\n" in line or not line.isascii() or line.startswith(b"From ") for line in lines)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_no_headline_adds_a_header_or_a_part(title: str) -> None:
    mail = parse_mail(
        render(f"{title}\r\nBcc: thief@evil.example\r\n\r\n--=_digest.ar.2026-11-24_=--", edition=EN)
    )
    assert mail["Bcc"] is None
    assert list(get_parts(mail)) == ["text/plain", "text/html"]
    assert "\n" not in mail["Subject"]


def test_no_title_of_the_site_adds_an_address() -> None:
    mail = parse_mail(render(site=replace(SITE, title='A", <thief@evil.example>, "B')))
    assert [one.addr_spec for one in mail["From"].addresses] == ["digest@news.example"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://news.example/deep", "news.example"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]:8000", "[IPv6:::1]"),
        ("http://localhost:8000", "localhost"),
    ],
)
def test_addresses_of_machines_without_a_name_are_literals(url: str, host: str) -> None:
    site = replace(SITE, url=url)
    assert get_mail_host(site) == host
    assert f"digest@{host}" in parse_mail(render(site=site))["From"]
