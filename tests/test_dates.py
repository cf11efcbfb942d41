"""Dates as feeds and servers write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dates import (
    EARLIEST,
    LATEST,
    MAX_DATE_CHARS,
    format_http_date,
    format_rfc3339,
    parse_date,
    parse_http_date,
)

MIDNIGHT = "2026-11-24T00:00:00+00:00"
MORNING = "2026-11-24T10:30:00+00:00"
EVENING = "2026-11-24T22:30:00+00:00"
ARABIA = "2026-11-24T07:30:00+00:00"

READ = [
    # RFC 822, 1123, 2822, 5322
    ("RFC 1123", "Tue, 24 Nov 2026 10:30:00 GMT", MORNING),
    ("an offset", "Tue, 24 Nov 2026 10:30:00 +0300", ARABIA),
    ("an offset with a colon", "Tue, 24 Nov 2026 10:30:00 +03:00", ARABIA),
    ("an offset of hours only", "Tue, 24 Nov 2026 10:30:00 +3", ARABIA),
    ("an offset without a space", "Tue, 24 Nov 2026 10:30:00+0300", ARABIA),
    ("a typographic minus", "Tue, 24 Nov 2026 05:30:00 −0500", MORNING),
    ("an unknown local zone", "Tue, 24 Nov 2026 10:30:00 -0000", MORNING),
    ("half an hour", "Tue, 24 Nov 2026 16:00:00 +0530", MORNING),
    ("GMT+3", "Tue, 24 Nov 2026 10:30:00 GMT+3", ARABIA),
    ("GMT+0300", "Tue, 24 Nov 2026 10:30:00 GMT+0300", ARABIA),
    ("UTC +03:00", "Tue, 24 Nov 2026 10:30:00 UTC +03:00", ARABIA),
    ("two-digit years", "Tue, 24 Nov 26 10:30:00 GMT", MORNING),
    ("two-digit years of the last century", "24 Nov 86 10:30:00 GMT", "1986-11-24T10:30:00+00:00"),
    ("three-digit years since 1900", "24 Nov 126 10:30:00 GMT", MORNING),
    ("no seconds", "Tue, 24 Nov 2026 10:30 GMT", MORNING),
    ("no weekday", "24 Nov 2026 10:30:00 GMT", MORNING),
    ("the wrong weekday", "Sun, 24 Nov 2026 10:30:00 GMT", MORNING),
    ("a weekday in German", "Di, 24 Nov 2026 11:30:00 +0100", MORNING),
    ("no comma", "Tue 24 Nov 2026 10:30:00 GMT", MORNING),
    ("no spaces round the comma", "Tue,24 Nov 2026 10:30:00 GMT", MORNING),
    ("no zone", "Tue, 24 Nov 2026 10:30:00", MORNING),
    ("no time", "Tue, 24 Nov 2026", MIDNIGHT),
    ("one-digit day and hour", "Sun, 1 Nov 2026 9:05:00 GMT", "2026-11-01T09:05:00+00:00"),
    ("UT", "24 Nov 2026 10:30:00 UT", MORNING),
    ("Z", "24 Nov 2026 10:30:00 Z", MORNING),
    ("military zones, which were used with both signs", "24 Nov 2026 10:30:00 A", MORNING),
    ("a zone nobody knows", "24 Nov 2026 10:30:00 XYZT", MORNING),
    ("a comment", "Tue, 24 Nov 2026 10:30:00 +0300 (AST)", ARABIA),
    ("a zone in parentheses", "Tue, 24 Nov 2026 10:30:00 (CET)", "2026-11-24T09:30:00+00:00"),
    ("an offset and a name", "Tue, 24 Nov 2026 10:30:00 +0300 EEST", ARABIA),
    ("lower case", "tue, 24 nov 2026 10:30:00 gmt", MORNING),
    ("upper case", "TUE, 24 NOV 2026 10:30:00 GMT", MORNING),
    ("a full weekday and month", "Tuesday, 24 November 2026 10:30:00 GMT", MORNING),
    ("Sept", "1 Sept 2026", "2026-09-01T00:00:00+00:00"),
    ("RFC 850", "Tuesday, 24-Nov-26 10:30:00 GMT", MORNING),
    ("hyphens and a full year", "24-Nov-2026 10:30:00 GMT", MORNING),
    ("a leap second", "Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59+00:00"),
    ("a leap day", "29 Feb 2028", "2028-02-29T00:00:00+00:00"),
    ("a dot at the end", "Tue, 24 Nov 2026 10:30:00 GMT.", MORNING),
    ("line ends and tabs", "\n\tTue, 24 Nov\n2026 10:30:00 GMT\n", MORNING),
    ("no-break spaces", "24\u00a0Nov\u00a02026 10:30\u202fGMT", MORNING),
    # ISO 8601, RFC 3339, W3C, XML Schema
    ("RFC 3339", "2026-11-24T10:30:00Z", MORNING),
    ("RFC 3339 with an offset", "2026-11-24T10:30:00+03:00", ARABIA),
    ("RFC 3339 with a negative offset", "2026-11-24T05:30:00-05:00", MORNING),
    ("lower-case t and z", "2026-11-24t10:30:00z", MORNING),
    ("a space for the T", "2026-11-24 10:30:00Z", MORNING),
    ("a space before the offset", "2026-11-24 10:30:00 +0300", ARABIA),
    ("fractions", "2026-11-24T10:30:00.250Z", "2026-11-24T10:30:00.250000+00:00"),
    ("a comma before fractions", "2026-11-24T10:30:00,25Z", "2026-11-24T10:30:00.250000+00:00"),
    ("nanoseconds", "2026-11-24T10:30:00.123456789Z", "2026-11-24T10:30:00.123456+00:00"),
    ("a missing zone", "2026-11-24T10:30:00", MORNING),
    ("no seconds in ISO", "2026-11-24T10:30Z", MORNING),
    ("hours only in ISO", "2026-11-24T10Z", "2026-11-24T10:00:00+00:00"),
    ("the hour 24", "2026-11-23T24:00:00Z", MIDNIGHT),
    ("a date only", "2026-11-24", MIDNIGHT),
    ("a month only", "2026-11", "2026-11-01T00:00:00+00:00"),
    ("a date with a zone", "2026-11-24+03:00", "2026-11-23T21:00:00+00:00"),
    ("a date with Z", "2026-11-24Z", MIDNIGHT),
    ("the basic form", "20261124T103000Z", MORNING),
    ("the basic form with an offset", "20261124T103000+0300", ARABIA),
    ("the basic form without seconds", "20261124T1030", MORNING),
    ("a basic date", "20261124", MIDNIGHT),
    ("a week date", "2026-W48-2", MIDNIGHT),
    ("a basic week date and a time", "2026W482T1030Z", MORNING),
    ("an ordinal date", "2026-328", MIDNIGHT),
    # programs
    ("asctime", "Tue Nov 24 10:30:00 2026", MORNING),
    ("asctime with a padded day", "Sun Nov  1 10:30:00 2026", "2026-11-01T10:30:00+00:00"),
    ("the Unix date command", "Tue Nov 24 10:30:00 UTC 2026", MORNING),
    ("the Unix date command elsewhere", "Tue Nov 24 05:30:00 EST 2026", MORNING),
    ("a JavaScript date", "Tue Nov 24 2026 10:30:00 GMT+0300 (Arabian Standard Time)", ARABIA),
    ("a Go time", "2026-11-24 10:30:00.5 +0000 UTC", "2026-11-24T10:30:00.500000+00:00"),
    ("seconds", "1795516200", MORNING),
    ("seconds with a fraction", "1795516200.0", MORNING),
    ("seconds of nine digits", "999999999", "2001-09-09T01:46:39+00:00"),
    ("milliseconds", "1795516200000", MORNING),
    ("milliseconds of twelve digits", "999999999000", "2001-09-09T01:46:39+00:00"),
    ("all digits of a minute", "202611241030", MORNING),
    ("all digits of a second", "20261124103000", MORNING),
    # numbers
    ("slashes, year first", "2026/11/24 10:30", MORNING),
    ("dots, year first", "2026.11.24 10:30:00", MORNING),
    ("one-digit parts, year first", "2026/1/4", "2026-01-04T00:00:00+00:00"),
    ("hyphens, year last", "24-11-2026", MIDNIGHT),
    ("slashes, year last", "24/11/2026 10:30", MORNING),
    ("dots, year last", "24.11.2026 10:30", MORNING),
    ("the day before the month when both could be", "03/04/2026", "2026-04-03T00:00:00+00:00"),
    ("the month before the day when only that can be", "11/24/2026 10:30 PM", EVENING),
    ("the time before the date", "10:30 - 24/11/2026", MORNING),
    ("the time right before the date", "10:30-24/11/2026", MORNING),
    # English words
    ("month, day, year", "November 24, 2026", MIDNIGHT),
    ("year, month, day", "2026 November 24", MIDNIGHT),
    ("ordinals", "November 24th, 2026 at 10:30 pm", EVENING),
    ("of", "24th of November 2026", MIDNIGHT),
    ("dots in p.m.", "Nov. 24, 2026 10:30 p.m.", EVENING),
    ("a.m. and a zone", "Nov. 24, 2026 5:30 a.m. EST", MORNING),
    ("no space before PM", "24 Nov 2026 10:30PM", EVENING),
    ("midnight as 12 AM", "24 Nov 2026 12:00 AM", MIDNIGHT),
    ("noon as 12 PM", "24 Nov 2026 12:00 PM", "2026-11-24T12:00:00+00:00"),
    ("PM after an hour of the long clock", "24 Nov 2026 22:30 PM", EVENING),
    ("no spaces at all", "24Nov2026", MIDNIGHT),
    ("the time first", "10:30 AM, 24 November 2026", MORNING),
    # Arabic
    ("Egypt and the Gulf", "24 نوفمبر 2026", MIDNIGHT),
    ("the Levant", "24 تشرين الثاني 2026", MIDNIGHT),
    ("the Levant without articles", "24 تشرين ثاني 2026", MIDNIGHT),
    ("the Levant with hamza", "24 كانون الأول 2026", "2026-12-24T00:00:00+00:00"),
    ("the Levant without hamza", "24 كانون الاول 2026", "2026-12-24T00:00:00+00:00"),
    ("both names", "24 نوفمبر/تشرين الثاني 2026", MIDNIGHT),
    ("the other name in parentheses", "24 نوفمبر (تشرين الثاني) 2026", MIDNIGHT),
    ("Algeria and Tunisia", "24 جانفي 2026", "2026-01-24T00:00:00+00:00"),
    ("Morocco", "24 شتنبر 2026", "2026-09-24T00:00:00+00:00"),
    ("a weekday", "الثلاثاء 24 نوفمبر 2026", MIDNIGHT),
    ("a weekday and an Arabic comma", "الثلاثاء، 24 نوفمبر 2026", MIDNIGHT),
    ("a weekday and 'the equivalent of'", "الثلاثاء الموافق 24 نوفمبر 2026", MIDNIGHT),
    ("a Hijri date before", "14 جمادى الآخرة 1448 هـ الموافق 24 نوفمبر 2026 م", MIDNIGHT),
    ("a Hijri date behind", "24 نوفمبر 2026 الموافق 14 جمادى الآخرة 1448", MIDNIGHT),
    ("a Hijri date in numbers", "1448/6/14 الموافق 2026/11/24", MIDNIGHT),
    ("Arabic-Indic digits", "٢٤ نوفمبر ٢٠٢٦ ١٠:٣٠", MORNING),
    ("Persian digits", "۲۴ نوفمبر ۲۰۲۶ ۱۰:۳۰", MORNING),
    ("Arabic-Indic digits and slashes", "٢٤/١١/٢٠٢٦", MIDNIGHT),
    ("in the morning", "24 نوفمبر 2026 10:30 ص", MORNING),
    ("in the evening", "24 نوفمبر 2026 10:30 م", EVENING),
    ("in the morning, spelled out", "24 نوفمبر 2026 الساعة 10:30 صباحًا", MORNING),
    ("in the evening, spelled out", "24 نوفمبر 2026، الساعة 10:30 مساءً", EVENING),
    ("the time first and a dash", "10:30 م - 24 نوفمبر 2026", EVENING),
    ("Greenwich", "24 نوفمبر 2026 10:30 بتوقيت غرينتش", MORNING),
    ("Mecca", "24 نوفمبر 2026 10:30 بتوقيت مكة المكرمة", ARABIA),
    ("vowel marks, tatweel and marks of direction", "\u200f24 نُوفمـبر\u200f 2026", MIDNIGHT),
    ("a month from a Persian keyboard", "24 ینایر 2026", "2026-01-24T00:00:00+00:00"),
    # French
    ("French", "24 novembre 2026", MIDNIGHT),
    ("French with a weekday and a time", "mardi 24 novembre 2026 à 10h30", MORNING),
    ("French Tuesday, which looks like March", "mar. 24 nov. 2026", MIDNIGHT),
    ("French Tuesday with a comma", "mar., 24 nov. 2026 10:30:00 +0000", MORNING),
    ("French accents", "24 août 2026", "2026-08-24T00:00:00+00:00"),
    ("no French accents", "24 fevrier 2026", "2026-02-24T00:00:00+00:00"),
    ("the first in French", "1er décembre 2026", "2026-12-01T00:00:00+00:00"),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_feed_dates_are_read(text: str, expected: str) -> None:
    instant = parse_date(text)
    assert instant is not None
    assert instant.isoformat() == expected
    assert instant.tzinfo is UTC


ARABIC_MONTHS = [
    "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "كانون_الثاني شباط آذار نيسان أيار حزيران تموز آب أيلول تشرين_الأول تشرين_الثاني كانون_الأول",
    "جانفي فيفري مارس أفريل ماي جوان جويلية أوت سبتمبر أكتوبر نوفمبر ديسمبر",
    "يناير فبراير مارس أبريل ماي يونيو يوليوز غشت شتنبر أكتوبر نونبر دجنبر",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "January February March April May June July August September October November December",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
]


@pytest.mark.parametrize(
    ("name", "month"),
    [
        (name.replace("_", " "), month)
        for names in ARABIC_MONTHS
        for month, name in enumerate(names.split(), 1)
    ],
)
def test_every_month_name_is_known(name: str, month: int) -> None:
    assert parse_date(f"7 {name} 2026") == datetime(2026, month, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        *[
            ("EST", -5),
            ("EDT", -4),
            ("CST", -6),
            ("CDT", -5),
            ("MST", -7),
            ("MDT", -6),
            ("PST", -8),
            ("PDT", -7),
        ],
        *[("GMT", 0), ("UTC", 0), ("WET", 0), ("BST", 1), ("CET", 1), ("CEST", 2), ("EET", 2), ("EEST", 3)],
        *[
            ("AST", 3),
            ("MSK", 3),
            ("TRT", 3),
            ("GST", 4),
            ("IRST", 3.5),
            ("PKT", 5),
            ("IST", 5.5),
            ("JST", 9),
        ],
    ],
)
def test_named_zones(zone: str, hours: float) -> None:
    expected = datetime(2026, 11, 24, 10, 30, tzinfo=UTC) - timedelta(hours=hours)
    assert parse_date(f"Tue, 24 Nov 2026 10:30:00 {zone}") == expected


NOT_READ = [
    *[
        "",
        " ",
        "today",
        "now",
        "yesterday",
        "tomorrow",
        "Tuesday",
        "Nov",
        "May",
        "10",
        "24",
        "2026",
        "1",
        "10:30",
    ],
    *[
        "Nov 2026",
        "November 24",
        "24 Nov",
        "10:30 AM",
        "منذ ساعتين",
        "اليوم",
        "الثلاثاء",
        "نوفمبر",
        "24 نوفمبر",
    ],
    *[
        "2 hours ago",
        "last Tuesday",
        "sale 24 Nov 2026 only",
        "24 Nov 2026 26",
        "24 Nov Dec 2026",
        "N/A",
        "null",
    ],
    *[
        "31 Feb 2026",
        "2026-02-30",
        "2026-13-01",
        "32/01/2026",
        "13/13/2026",
        "0 Nov 2026",
        "2026-W54-1",
        "2026-367",
    ],
    *["2026-11-24T25:00:00Z", "2026-11-24T10:61:00Z", "2026-11-24T24:01:00Z", "2026-11-24T10:30:00+99:00"],
    *[
        "2026-366",
        "24/11/26",
        "1.2.3",
        "12345",
        "1234567",
        "12345678901",
        "999999999999999",
        "-1795516200",
        "1e9",
    ],
    *[
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00Z",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "1969-12-31",
        "1448-06-14",
    ],
    *[
        "14 جمادى الآخرة 1448",
        "14/06/1448",
        "2569-11-24",
        "9999-12-31T23:59:59Z",
        "2200-01-01",
        "+2026-11-24",
    ],
    *[
        "0000000000",
        "9999999999",
        "::",
        "24:24:24",
        "(((",
        "T",
        "Z",
        "+0300",
        "\ud800",
        "\x00",
    ],
]


@pytest.mark.parametrize("text", NOT_READ)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_the_range_ends_where_it_says() -> None:
    assert parse_date("1970-01-02") == EARLIEST
    assert parse_date("1970-01-01T23:59:59Z") is None
    assert parse_date("2199-12-31T23:59:59Z") == LATEST - timedelta(seconds=1)
    assert parse_date("2200-01-01T02:00:00+03:00") == LATEST - timedelta(hours=1)


def test_long_inputs_are_not_read() -> None:
    text = "Tue, 24 Nov 2026 10:30:00 GMT"
    assert parse_date(text.ljust(MAX_DATE_CHARS)) is not None
    assert parse_date(text.ljust(MAX_DATE_CHARS + 1)) is None


HTTP_DATES = [
    ("IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37+00:00"),
    ("RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37+00:00"),
    ("RFC 850 of this century", "Tuesday, 24-Nov-26 10:30:00 GMT", MORNING),
    ("asctime", "Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37+00:00"),
    ("the epoch, which means expired", "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00+00:00"),
    ("a leap second", "Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59+00:00"),
    ("the wrong weekday", "Mon, 24 Nov 2026 10:30:00 GMT", MORNING),
    ("white space round it", " Tue, 24 Nov 2026 10:30:00 GMT ", MORNING),
    ("lower case", "tue, 24 nov 2026 10:30:00 gmt", MORNING),
]


@pytest.mark.parametrize(
    ("text", "expected"), [row[1:] for row in HTTP_DATES], ids=[row[0] for row in HTTP_DATES]
)
def test_http_dates_are_read(text: str, expected: str) -> None:
    instant = parse_http_date(text)
    assert instant is not None
    assert instant.isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        *["", "0", "-1", "never", "2026-11-24T10:30:00Z", "Tue, 24 Nov 2026 10:30:00 +0300"],
        *["Tue, 24 Nov 2026 10:30 GMT", "Tue, 31 Feb 2026 10:30:00 GMT", "Tue, 24 Foo 2026 10:30:00 GMT"],
        *["Tue, 24 Nov 2026 24:30:00 GMT", "Tue, 24 Nov 0000 10:30:00 GMT", "Tue, ٢٤ Nov 2026 10:30:00 GMT"],
    ],
)
def test_other_forms_are_no_http_dates(text: str) -> None:
    assert parse_http_date(text) is None


def test_instants_are_written_in_utc_whatever_their_zone() -> None:
    instant = datetime(2026, 11, 1, 2, 5, 9, 999999, tzinfo=timezone(timedelta(hours=3)))
    assert format_http_date(instant) == "Sat, 31 Oct 2026 23:05:09 GMT"
    assert format_rfc3339(instant) == "2026-10-31T23:05:09Z"


def test_years_are_written_with_four_digits() -> None:
    assert format_http_date(datetime(987, 1, 1, tzinfo=UTC)) == "Mon, 01 Jan 0987 00:00:00 GMT"
    assert format_rfc3339(datetime(987, 1, 1, tzinfo=UTC)) == "0987-01-01T00:00:00Z"


def test_naive_datetimes_are_refused() -> None:
    naive = datetime(2026, 11, 24)  # noqa: DTZ001
    with pytest.raises(ValueError, match="no time zone"):
        format_http_date(naive)
    with pytest.raises(ValueError, match="no time zone"):
        format_rfc3339(naive)


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(1970, 1, 4), datetime(2199, 12, 28), timezones=ZONES).map(  # noqa: DTZ001
    lambda instant: instant.replace(microsecond=0)
)
PIECES = st.sampled_from(
    [
        *"0123456789+-:/.,()TZ ",
        "24",
        "2026",
        "10:30",
        "Nov",
        "mar",
        "Tue,",
        "GMT",
        "EST",
        "نوفمبر",
        "الموافق",
        "م",
        "PM",
    ]
)


@given(INSTANTS)
def test_what_programs_write_is_read_back(instant: datetime) -> None:
    for text in (
        instant.isoformat(),
        instant.isoformat(" "),
        instant.strftime("%Y%m%dT%H%M%S%z"),
        format_datetime(instant),
        format_http_date(instant),
        format_rfc3339(instant),
    ):
        assert parse_date(text) == instant
    assert parse_http_date(format_http_date(instant)) == instant


@given(INSTANTS)
def test_reading_what_was_read_changes_nothing(instant: datetime) -> None:
    first = parse_date(instant.strftime("%d/%m/%Y %H:%M"))
    assert first is not None
    assert parse_date(format_rfc3339(first)) == first


@given(st.text(st.characters(exclude_categories=())) | st.lists(PIECES, max_size=20).map("".join))
def test_any_text_is_an_aware_instant_in_range_or_none(text: str) -> None:
    instant = parse_date(text)
    assert instant is None or EARLIEST <= instant < LATEST
    assert parse_http_date(text) is None or instant is None or parse_http_date(text) == instant


@given(
    st.builds(
        "{}, {:02} {} {} {:02}:{:02}:{:02} {}".format,
        st.sampled_from(["Mon", "Sun", "Xyz"]),
        st.integers(0, 32),
        st.sampled_from(["Jan", "Feb", "Dec", "Foo"]),
        st.sampled_from([1969, 1970, 1971, 2026, 2199, 2200]),
        st.integers(0, 24),
        st.integers(0, 60),
        st.integers(0, 61),
        st.sampled_from(["GMT", "UTC", "+0000", "-0530", "+1459", "+1500", "+1299", "EST"]),
    )
    | st.builds(
        "{}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}".format,
        st.sampled_from([1969, 1970, 1971, 2026, 2199, 2200]),
        st.integers(0, 13),
        st.integers(0, 32),
        st.integers(0, 25),
        st.integers(0, 60),
        st.integers(0, 61),
        st.sampled_from(["", ".5", ".123", ".123456", ".1234567"]),
        st.sampled_from(["Z", "+03:00", "-05:30", "+14:59", "+15:00", "+02:60", "", "+0300"]),
    )
)
def test_the_usual_forms_are_read_as_the_unusual_ones(text: str) -> None:
    assert parse_date(text) == parse_date(f" {text}")  # with a space before it a date is looked at in pieces
