"""The buttons of /admin/: what they do, and that nobody else can press them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse

from aggregator.config import Settings
from aggregator.model import HostRest, PollResult
from aggregator.refresh import apply_configuration
from aggregator.store import Store, doubts, open_store, processes, sources
from aggregator.store.entries import list_entries
from aggregator.store.tables import articles, entries
from aggregator.web import create_app
from tests.harness import make_item
from tests.site_samples import make_settings, save_feed, source_table

NAME = "بوابة <i>"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Settings, Store]]:
    written = make_settings(tmp_path, *(source_table(s, f"https://{s}.example/f") for s in "abc"))
    named = tuple(replace(source, name=NAME) if source.id == "a" else source for source in written.sources)
    settings = replace(written, admin_password="x", sources=named)
    store = open_store(settings.store_url)
    apply_configuration(store, settings, now=datetime.now(UTC) - HOUR)
    yield settings, store
    store.close()


@pytest.fixture
def client(site: tuple[Settings, Store]) -> FlaskClient:
    return create_app(*site).test_client()


def basic(user: str = "me") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:x".encode()).decode()}


def find_form(client: FlaskClient, path: str, act: str, about: str) -> dict[str, str]:
    page = html.document_fromstring(client.get(path, headers=basic()).get_data(as_text=True))
    for form in page.xpath("//form[@method='post']"):
        fields = {each.get("name"): each.get("value") for each in form.xpath(".//input")}
        if form.get("action").startswith(f"/admin/{act}?") and about in fields.values():
            return fields
    raise AssertionError(f"{path} has no button to {act} {about}")


def press(client: FlaskClient, path: str, fields: dict[str, str], **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, data=fields, headers=basic() | named)


def record(store: Store, source_id: str, *, not_before: timedelta, rest: timedelta | None = None) -> None:
    now = datetime.now(UTC)
    result = PollResult(
        source_id=source_id,
        outcome="failed",
        polled_at=now,
        next_poll_at=now + 5 * HOUR,
        not_before=now + not_before,
        error="HTTP 500",
        rest=None if rest is None else HostRest(host=f"{source_id}.example", until=now + rest),
    )
    with store.write() as tx:
        sources.record_poll(tx, result)


def find_wait(store: Store, source_id: str) -> timedelta:
    with store.read() as tx:
        (state,) = sources.list_source_states(tx, [source_id])
    return state.next_poll_at - datetime.now(UTC)


@pytest.mark.parametrize(
    ("not_before", "rest", "wait", "says"),
    [
        pytest.param(-MINUTE, None, timedelta(), "within seconds", id="nobody minds"),
        pytest.param(HOUR, None, HOUR, "publisher asks not to be asked earlier", id="Retry-After"),
        pytest.param(9 * HOUR, None, 5 * HOUR, "publisher asks", id="it is due before that anyhow"),
        pytest.param(-MINUTE, HOUR, timedelta(), "host wants to be left alone", id="its host rests"),
        pytest.param(-MINUTE, timedelta(seconds=1), timedelta(), "within seconds", id="host_gap"),
    ],
)
def test_poll_now_is_never_earlier_than_is_polite_and_says_when(
    site: tuple[Settings, Store],
    client: FlaskClient,
    not_before: timedelta,
    rest: timedelta | None,
    wait: timedelta,
    says: str,
) -> None:
    _, store = site
    record(store, "a", not_before=not_before, rest=rest)
    answer = press(client, "/admin/poll?ui=en", find_form(client, "/admin/", "poll", "a"))
    assert answer.status_code == 200
    assert says in answer.get_data(as_text=True)
    assert abs(find_wait(store, "a") - wait) < MINUTE
    with store.write() as tx:
        claims = sources.claim_due(tx, now=datetime.now(UTC), limit=9, lease=HOUR, owner="me", only=["a"])
    assert bool(claims) == (says == "within seconds" and rest is None)


def test_that_nobody_polls_is_told(site: tuple[Settings, Store], client: FlaskClient) -> None:
    form = find_form(client, "/admin/source/b", "poll", "b")
    assert "No server polls" in press(client, "/admin/poll?ui=en", form).get_data(as_text=True)
    with site[1].write() as tx:
        now = datetime.now(UTC)
        processes.record_start(tx, "me", polls=True, digest="", now=now, is_dead=lambda _: False)
    assert "No server polls" not in press(client, "/admin/poll?ui=en", form).get_data(as_text=True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="a client that says nothing of it"),
        pytest.param({"Sec_Fetch_Site": "same-origin", "Origin": "null"}, 200, id="our page"),
        pytest.param({"Origin": "https://news.example"}, 200, id="our page at the site's address"),
        pytest.param({"Origin": "http://localhost"}, 200, id="our page through a tunnel"),
        pytest.param({"Sec_Fetch_Site": "cross-site"}, 403, id="another site"),
        pytest.param({"Sec_Fetch_Site": "same-site"}, 403, id="a neighbour of our domain"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="another site, by an old browser"),
        pytest.param({"Origin": "null"}, 403, id="a sandboxed frame"),
    ],
)
def test_only_pages_of_ours_can_press(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    form = find_form(client, "/admin/", "poll", "a")
    assert press(client, "/admin/poll", form, **headers).status_code == status


def test_a_token_is_of_one_user_and_one_thing(site: tuple[Settings, Store], client: FlaskClient) -> None:
    form = find_form(client, "/admin/", "poll", "a")
    wrong = [form | {"source": "b"}, form | {"token": form["token"][:-1]}, {"source": "a"}]
    wrong += [form | {"token": ""}, form | {"token": f"0.{form['token'].partition('.')[2]}"}]
    for fields in wrong:
        assert press(client, "/admin/poll", fields).status_code == 403, fields
    assert client.post("/admin/poll", data=form, headers=basic("you")).status_code == 403
    assert client.post("/admin/poll", data=form).status_code == 401
    assert create_app(*site).test_client().post("/admin/poll", data=form, headers=basic()).status_code == 200


def test_a_bearer_token_needs_no_form(client: FlaskClient) -> None:
    bearer = {"Authorization": "Bearer x"}
    assert client.post("/admin/poll", data={"source": "a"}, headers=bearer).status_code == 200
    assert client.post("/admin/poll", data={"source": "z"}, headers=bearer).status_code == 404
    assert client.post("/admin/rule", data={"act": "drop"}, headers=bearer).status_code == 400
    assert client.post("/admin/poll", data={"source": "a" * 5000}, headers=bearer).status_code == 413


def test_no_answer_sets_a_cookie_and_forms_tell_us_where_they_are_sent_from(client: FlaskClient) -> None:
    form = find_form(client, "/admin/", "poll", "a")
    for answer in (client.get("/admin/", headers=basic()), press(client, "/admin/poll", form)):
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_last_polls_are_told_in_words_and_by_signs(
    site: tuple[Settings, Store], client: FlaskClient
) -> None:
    settings, store = site
    save_feed(store, settings, "a", [make_item(1)], now=datetime.now(UTC) - HOUR)
    with store.write() as tx:
        at = datetime.now(UTC)
        result = PollResult(source_id="a", outcome="new_body", polled_at=at, next_poll_at=at)
        sources.record_poll(tx, result, new=3)
    record(store, "a", not_before=HOUR)
    page = html.document_fromstring(client.get("/admin/?ui=en", headers=basic()).get_data(as_text=True))
    (strip,) = page.xpath("//tr[@id='source-a']//a[@class='strip']")
    assert strip.xpath("string(span[@class='visually-hidden'])") == (
        "Last 3 polls: with news 1, new entries 3, failed 1"
    )
    assert strip.xpath("string(span[@aria-hidden])") == "×▮·"
    page = html.document_fromstring(client.get(strip.get("href"), headers=basic()).get_data(as_text=True))
    assert page.xpath("string(//h1)") == NAME
    told = [[" ".join(cell.text_content().split()) for cell in row[1:]] for row in page.xpath("//tbody/tr")]
    assert told == [["failed", "0"], ["another document", "3"], ["another document", "0"]]
    assert client.get("/admin/source/none", headers=basic()).status_code == 404


def save_pair(site: tuple[Settings, Store], **second: object) -> tuple[str, str]:
    """Two entries of two outlets; the ids."""
    settings, store = site
    now = datetime.now(UTC)
    common = {"published_at": now - HOUR, "updated_at": now - HOUR}
    save_feed(store, settings, "a", [make_item(1, **common)], now=now)
    save_feed(store, settings, "b", [make_item(2, guid="other", **common | second)], now=now)
    with store.read() as tx:
        return tuple(next(list_entries(tx, source_id=source)).id for source in "ab")  # type: ignore[return-value]


def list_doubts(store: Store) -> list[tuple[str, bool, str, str]]:
    with store.read() as tx:
        found = doubts.list_doubts(tx, since=datetime.now(UTC) - HOUR, limit=9)
    return [(each.kind, each.together, each.one.id, each.other.id) for each in found]


@pytest.mark.parametrize(("score", "shown"), [(0.55, True), (0.46, True), (0.40, False)])
def test_what_nearly_was_one_article_can_be_merged(
    site: tuple[Settings, Store], client: FlaskClient, score: float, shown: bool
) -> None:
    one, other = save_pair(site)
    nearly(site[1], score)
    assert (("article", False, other, one) in list_doubts(site[1])) == shown
    if shown:
        form = find_form(client, "/admin/decisions", "rule", "merge")
        assert "went into" in press(client, "/admin/rule?ui=en", form).get_data(as_text=True)
        assert list_doubts(site[1]) == []
        assert "already" in press(client, "/admin/rule?ui=en", form).get_data(as_text=True)


def nearly(store: Store, score: float) -> None:
    with store.write() as tx:
        first, second = tx.execute(entries.select().order_by(entries.c.source_id)).all()
        judged = {"article_match": first.id, "article_score": score, "article_threshold": 0.5}
        tx.execute(entries.update().where(entries.c.id == second.id).values(**judged))


def test_what_hardly_is_one_story_can_be_split_or_confirmed(
    site: tuple[Settings, Store], client: FlaskClient
) -> None:
    one, other = save_pair(site)
    with site[1].write() as tx:
        first, second = tx.execute(
            articles.select().join(entries, entries.c.id == articles.c.id).order_by(entries.c.source_id)
        ).all()
        for row in (first, second):
            told = {"story_rule": "likeness" if row is second else "founder", "story_words": "ferry dock"}
            told |= {"story_id": first.id, "story_score": 0.10, "story_threshold": 0.095}
            tx.execute(articles.update().where(articles.c.id == row.id).values(**told))
    assert list_doubts(site[1]) == [("story", True, other, one)]
    page = client.get("/admin/decisions?ui=en", headers=basic()).get_data(as_text=True)
    assert "ferry, dock" in page
    assert "Score 0.100; needed was 0.095" in page
    find_form(client, "/admin/decisions", "rule", "merge")
    form = find_form(client, "/admin/decisions", "rule", "split")
    assert "left story" in press(client, "/admin/rule?ui=en", form).get_data(as_text=True)
    assert list_doubts(site[1]) == []
