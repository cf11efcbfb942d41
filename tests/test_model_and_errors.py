"""The shared values and errors: what holds of all of them."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import re
from datetime import UTC, timedelta
from typing import Any

import pytest

from aggregator import errors, model
from aggregator.errors import (
    AddressRefused,
    AggregatorError,
    BadEncoding,
    BadParameter,
    BadRedirect,
    BodyTooLarge,
    ConfigError,
    FetchError,
    FetchTimeout,
    HttpStatusError,
    Interrupted,
    LearnerMissing,
    LeaseLost,
    MailFailed,
    NoSuchEntry,
    NotAFeed,
    NothingPublished,
    ParseError,
    PortTaken,
    Problem,
    PublishRefused,
    RulingRefused,
    SandboxKilled,
    SchemaMismatch,
    StoreError,
)
from aggregator.model import Edition, FetchResult, Section, Site, Validators

URL = "https://harbour.example/خبر"

# --- errors ---------------------------------------------------------------------------------------


def draw_tree(kind: type[Exception], lead: str = "") -> list[str]:
    """The lines of a class tree as the module's docstring draws it, without its descriptions."""
    lines = []
    children = [c for c in kind.__subclasses__() if c.__module__ == errors.__name__]
    for child in children:
        last = child is children[-1]
        lines.append(f"{lead}{'└' if last else '├'}── {child.__name__}")
        lines += draw_tree(child, lead + ("    " if last else "│   "))
    return lines


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    drawn = [line[4:] for line in (errors.__doc__ or "").splitlines() if line.startswith("    ")]
    names = [re.sub(r"(\w)  .*", r"\1", line) for line in drawn]
    assert names == [AggregatorError.__name__, *draw_tree(AggregatorError)]
    assert AggregatorError.__bases__ == (Exception,)


def test_every_error_is_described_in_the_tree() -> None:
    drawn = [line for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert [line for line in drawn if not re.search(r"\w  +\w.{10}", line)] == []
    assert all(kind.__doc__ for _, kind in inspect.getmembers(errors, inspect.isclass))


PROBLEM = Problem(file="c.toml", line=3, column=1, key="site.url", message="is no URL", cure="write one")

ERRORS: list[AggregatorError] = [
    AggregatorError("something is wrong"),
    ConfigError((PROBLEM, "config.toml: there is no such section")),
    *(
        kind(f"{URL}: it failed", url=URL)
        for kind in (FetchError, AddressRefused, FetchTimeout, BodyTooLarge, BadRedirect, BadEncoding)
    ),
    HttpStatusError(f"{URL} answered 404: nothing is there", url=URL, status=404),
    *(kind(f"{URL}: it cannot be read", url=URL) for kind in (ParseError, NotAFeed, SandboxKilled)),
    *(kind("it cannot be had") for kind in (StoreError, SchemaMismatch, LeaseLost, PortTaken, BadParameter)),
    Interrupted("the process stops"),
    NoSuchEntry("aaaaaaaaaaaaa"),
    LearnerMissing(),
    NothingPublished("nothing was published"),
    MailFailed("it cannot be handed in"),
    RulingRefused("it cannot be split"),
    PublishRefused("it cannot be written"),
]


def list_kinds(kind: type[AggregatorError]) -> set[type[AggregatorError]]:
    return {kind}.union(*(list_kinds(child) for child in kind.__subclasses__()))


def test_no_error_is_left_out_here() -> None:
    assert {type(error) for error in ERRORS} == list_kinds(AggregatorError)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_cross_the_border_between_processes_whole(error: AggregatorError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_one_except_catches_all_that_is_raised_on_purpose(error: AggregatorError) -> None:
    with pytest.raises(AggregatorError):
        raise error


def test_a_config_error_tells_every_problem_on_a_line_of_its_own() -> None:
    error = ConfigError((PROBLEM, "c.toml: there is no such section"))
    assert error.problems == (
        "c.toml:3:1: site.url: is no URL; write one",
        "c.toml: there is no such section",
    )
    assert str(error) == "\n".join(error.problems)
    assert error.details == (PROBLEM,)


def test_errors_of_an_exchange_or_a_document_tell_where() -> None:
    assert FetchTimeout("too slow", url=URL).url == URL
    assert NotAFeed("a web page", url=URL).url == URL
    refused = HttpStatusError("gone", url=URL, status=410)
    assert (refused.url, refused.status, str(refused)) == (URL, 410, "gone")


# --- values ---------------------------------------------------------------------------------------

VALUES = [
    kind
    for _, kind in inspect.getmembers(model, inspect.isclass)
    if kind.__module__ == model.__name__ and dataclasses.is_dataclass(kind)
]


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_values_are_frozen_slotted_and_built_by_name(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert not hasattr(object.__new__(kind), "__dict__")
    assert all(field.kw_only for field in dataclasses.fields(kind))


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_values_hold_nothing_that_can_change(kind: type) -> None:
    """A list or a dict inside would make equal values drift apart."""
    mutable = re.compile(r"\b(list|dict|set|bytearray|List|Dict|Set)\b")
    assert [f.name for f in dataclasses.fields(kind) if mutable.search(str(f.type))] == []


def make_result(*headers: tuple[str, str]) -> FetchResult:
    return FetchResult(
        status=200, url=URL, redirects=(), headers=headers, validators=Validators(), body=b"<rss/>"
    )


HEADERS = {
    "as it was sent": ((("etag", '"7"'),), '"7"'),
    "the last of several": ((("etag", '"7"'), ("age", "1"), ("etag", '"8"')), '"8"'),
    "none": ((("age", "1"),), None),
    "an empty one is one": ((("etag", ""),), ""),
}


@pytest.mark.parametrize(("headers", "expected"), HEADERS.values(), ids=HEADERS.keys())
def test_a_header_is_its_last_value(headers: tuple[tuple[str, str], ...], expected: str | None) -> None:
    assert make_result(*headers).header("etag") == expected


def test_sections_are_named_within_their_edition_and_listed_as_configured() -> None:
    names = (("ar", "world"), ("en", "world"), ("ar", "arts"))
    sections = tuple(Section(id=id, edition=edition, name=id.title()) for edition, id in names)
    site = Site(
        title="News",
        url="https://news.example",
        timezone=UTC,
        editions=(Edition(id="ar", locale="ar-LY", dir="rtl"), Edition(id="en", locale="en", dir="ltr")),
        sections=sections,
        digits=None,
        images=True,
    )
    assert [s.ref for s in sections] == ["ar/world", "en/world", "ar/arts"]
    assert site.list_sections("ar") == (sections[0], sections[2])
    assert site.list_sections("fr") == ()


def test_a_source_and_what_was_read_of_it_cross_the_border_between_processes_whole() -> None:
    source = model.Source(
        id="harbour",
        name="صحيفة الميناء",
        url=URL,
        section="ar/libya",
        every=timedelta(minutes=20),
        timeout=timedelta(seconds=20),
        content="summary",
        lang="ar",
        headers=(("X-Key", "1"),),
        skip=(model.Rule(title="إعلان"),),
        rules=(model.Rule(section="ar/sports", category="رياضة"),),
        max_entries=100,
    )
    reading = model.SourceReading(
        site_url=None,
        icon_url=None,
        hints=model.Hints(ttl=timedelta(minutes=30), skip_hours=frozenset({0, 23})),
        entries=(),
        unchanged=0,
        skipped=0,
        problems=("an entity that is not XML's: 1",),
    )
    assert pickle.loads(pickle.dumps((source, reading))) == (source, reading)
