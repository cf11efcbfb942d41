"""Sources asked once: what is found, what is wrong in plain words, and that nobody is asked rudely."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.config import Settings
from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.errors import NotAFeed
from aggregator.executor.local import make_sandbox
from aggregator.fetch.client import Client
from aggregator.parse.sandbox import Sandbox
from aggregator.probe import Finding, Prober, describe_probe, open_prober, render_format
from tests.harness import make_item, publish
from tests.site_samples import HEAD, NOON, make_settings, source_table

HINTED = b"""<?xml version="1.0"?><rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"
xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>Hinted</title><link>https://a.example/</link>
<description>d</description><language>fr</language><ttl>90</ttl><sy:updatePeriod>hourly</sy:updatePeriod>
<skipHours><hour>3</hour><hour>4</hour></skipHours><skipDays><day>Sunday</day></skipDays>
<atom:link rel="hub" href="https://hub.example/?token=s3cret"/>
<item><guid>1</guid><title>Undated</title></item></channel></rss>"""
PAGE = b'<!doctype html><title>Home</title><link rel="alternate" type="application/rss+xml" href="/feed">'


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with make_sandbox() as opened:
        yield opened


def ask(settings: Settings, sandbox: Sandbox) -> dict[str, Finding]:
    with Client(replace(settings.fetch, per_host=1)) as client:
        prober = Prober(settings=settings, client=client, sandbox=sandbox)
        probes = prober.probe_all(settings.sources, now=lambda: NOON, progress=lambda _count: None)
    assert [probe.source for probe in probes] == list(settings.sources)
    return {probe.source.id: describe_probe(probe) for probe in probes}


def test_what_is_found_is_told(publisher: Publisher, sandbox: Sandbox, tmp_path: Path) -> None:
    publish(publisher, "/feed", [make_item(n) for n in range(3)])
    publisher.publish("/hinted", HINTED, content_type="application/rss+xml")
    publisher.publish("/away", b"", status=302, content_type="x/x", headers={"Location": "/feed"})
    publisher.publish("/moved", b"", status=301, content_type="x/x", headers={"Location": "/feed"})
    paths = ["feed", "hinted", "away", "moved"]
    skip = '[{ title = "number 2" }]'
    tables = [source_table(p, f"{publisher.url}/{p}", skip=skip) for p in paths]
    found = ask(make_settings(tmp_path, *tables), sandbox)
    feed, hinted = found["feed"], found["hinted"]
    assert (feed.error, feed.format, feed.title, feed.language) == (None, "RSS 2.0", "Press", "en")
    assert (feed.items, feed.newest_at) == (3, datetime(2026, 11, 20, 8, 2, tzinfo=UTC))
    assert feed.problems == ('1 skipped by the rule title "number 2"',)
    assert (hinted.language, hinted.items, hinted.newest_at) == ("fr", 1, None)
    assert hinted.hints == (
        "wants 90m between two polls (ttl)",
        "is updated every 1h (updatePeriod)",
        "is not to be polled in the hours 3, 4 UTC (skipHours)",
        "is not to be polled on Sunday (skipDays)",
        "can be pushed by the hub https://hub.example/?token=***: see [websub] callback",
    )
    target = f"{publisher.url}/feed"
    assert (found["away"].redirects, found["away"].moved_to) == ((target,), None)
    assert (found["moved"].redirects, found["moved"].moved_to) == ((target,), target)
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"], "no store is made"


Faults = tuple[str, dict[str, Finding]]  # the publisher's URL, and what was found by path
FAULTS = [
    pytest.param("/none", "answered 404: there is nothing at this URL: correct", id="404"),
    pytest.param("/page", 'write the feed that it names, url = "{root}/feed"', id="a web page"),
    pytest.param("/picture", "not a feed", id="a picture"),
    pytest.param("/empty", "not a feed", id="nothing"),
    pytest.param("/loop", "redirect", id="redirects for ever"),
    pytest.param("/secret?token=s3cret", "/secret?token=*** answered 404", id="a secret in the URL"),
]


@pytest.fixture(scope="module")
def faults(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, dict[str, Finding]]]:
    with Publisher() as publisher:
        publisher.publish("/page", PAGE, content_type="text/html")
        publisher.publish("/picture", b"\x89PNG\r\n\x1a\n....", content_type="image/png")
        publisher.publish("/empty", b"", content_type="text/xml")
        publisher.publish("/loop", b"", status=302, content_type="x/x", headers={"Location": "/loop"})
        urls = [str(param.values[0]) for param in FAULTS]
        tables = [source_table(f"s{n}", publisher.url + url) for n, url in enumerate(urls)]
        found = ask(make_settings(tmp_path_factory.mktemp("faults"), *tables), sandbox)
        yield publisher.url, dict(zip(urls, found.values(), strict=True))


@pytest.mark.parametrize(("path", "words"), FAULTS)
def test_what_is_wrong_is_told_with_the_cure(faults: Faults, path: str, words: str) -> None:
    root, found = faults
    error = found[path].error
    assert error is not None
    assert words.format(root=root) in error
    assert "s3cret" not in repr(found[path])
    assert found[path].format is None


def test_one_host_is_asked_by_one_connection_with_a_rest_between(
    publisher: Publisher, sandbox: Sandbox, tmp_path: Path
) -> None:
    head = HEAD.replace('host_gap = "0s"', 'host_gap = "1s"\nper_host = 4')
    for number in range(3):
        publish(publisher, f"/{number}", [make_item(number)], delay=timedelta(milliseconds=100))
    tables = [source_table(f"s{n}", f"{publisher.url}/{n}", headers='{ X-Key = "k" }') for n in range(3)]
    found = ask(make_settings(tmp_path, *tables, head=head), sandbox)
    assert all(finding.error is None for finding in found.values())
    times = [request.at for request in publisher.log]
    assert len(times) == 3, "once each"
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in itertools.pairwise(times))
    assert publisher.max_parallel() == 1
    assert {request.header("x-key") for request in publisher.log} == {"k"}


def test_after_a_429_its_host_is_asked_nothing_more(
    publisher: Publisher, sandbox: Sandbox, tmp_path: Path
) -> None:
    def refuse(_request: Request) -> Answer:
        return Answer(status=429, body=b"")

    publisher.publish_handler("/a", refuse)
    publish(publisher, "/b", [make_item(1)])
    found = ask(make_settings(tmp_path, *(source_table(s, f"{publisher.url}/{s}") for s in "ab")), sandbox)
    assert [request.path for request in publisher.log] == ["/a"]
    assert "was not asked" in (found["b"].error or "")


def test_own_networks_are_refused_as_in_a_poll(
    publisher: Publisher, sandbox: Sandbox, tmp_path: Path
) -> None:
    head = HEAD.replace('allow_networks = ["127.0.0.0/8"]', "")
    found = ask(make_settings(tmp_path, source_table("a", f"{publisher.url}/a"), head=head), sandbox)
    assert "127.0.0.1" in (found["a"].error or "")
    assert publisher.log == []


def test_a_page_leads_to_the_feed_that_is_chosen(publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish("/page", PAGE + PAGE.replace(b"/feed", b"/second"), content_type="text/html")
    publish(publisher, "/second", [make_item(1)])
    publisher.publish("/bare", b"<!doctype html><title>Home</title>", content_type="text/html")
    settings = make_settings(tmp_path, source_table("a", f"{publisher.url}/a"))
    offered: list[tuple[str, ...]] = []

    def choose(feeds: tuple[str, ...]) -> str:
        offered.append(feeds)
        return feeds[-1]

    with open_prober(settings) as prober:
        source = settings.get_source("a")

        def make(url: str) -> object:
            return replace(source, url=url)

        probe = prober.find_feed(f"{publisher.url}/page", make, now=NOON, choose=choose)  # type: ignore[arg-type]
        assert probe.source.url == f"{publisher.url}/second"
        assert offered == [(f"{publisher.url}/feed", f"{publisher.url}/second")]
        with pytest.raises(NotAFeed, match="it names none"):
            prober.find_feed(f"{publisher.url}/bare", make, now=NOON, choose=choose)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("rss20", "RSS 2.0"),
        ("rss091", "RSS 0.91"),
        ("atom10", "Atom 1.0"),
        ("json11", "JSON Feed 1.1"),
        ("rss", "rss"),
        ("unknown", "unknown"),
        ("cdf", "cdf"),
    ],
)
def test_formats_are_named_as_people_do(version: str, shown: str) -> None:
    assert render_format(version) == shown
