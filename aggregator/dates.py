"""The dates that feeds and servers write, as aware UTC instants; and back.

`parse_date` reads what publishers really write: RFC 822 and its heirs, ISO 8601, asctime, numbers of
seconds, and dates in English, French and Arabic words of the Gulf, the Levant and the Maghreb. It neither
looks at the clock nor at the local zone and never guesses a missing day, month or year: a wrong date puts
an item at the wrong place for ever, a missing one is replaced by the moment we first saw it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

MAX_DATE_CHARS = 100

# The epoch's first day is what a failed conversion leaves behind ("Thu, 01 Jan 1970 00:00:00 GMT").
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_ENGLISH_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ENGLISH_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_MONTH_NAMES = (
    "jan january janv janvier يناير جانفي كانون_الثاني كانون_ثاني",
    "feb february fev fevr février فبراير فيفري شباط",
    "mar march mars مارس آذار",
    "apr april avr avril أبريل أفريل نيسان",
    "may mai مايو ماي أيار",
    "jun june juin يونيو يونيه جوان حزيران",
    "jul july juil juillet يوليو يوليه يوليوز جويلية تموز",
    "aug august août أغسطس أوت غشت آب",
    "sep sept september septembre سبتمبر شتنبر أيلول",
    "oct october octobre أكتوبر تشرين_الأول تشرين_أول",
    "nov november novembre نوفمبر نونبر تشرين_الثاني تشرين_ثاني",
    "dec december déc décembre ديسمبر دجنبر كانون_الأول كانون_أول",
)
_DAY_NAMES = (
    "mon monday tue tues tuesday wed weds wednesday thu thur thurs thursday fri friday sat saturday sun "
    "sunday lun lundi mardi mer mercredi jeu jeudi ven vendredi sam samedi dim dimanche "
    "الاثنين الإثنين اثنين الثلاثاء ثلاثاء الأربعاء أربعاء الخميس خميس الجمعة جمعة السبت سبت الأحد أحد"
)
_FILLERS = "st nd rd th er at on of the le a الساعة يوم في عند بتوقيت توقيت المكرمة عام سنة م ميلادي ميلادية"

# Hours east of Greenwich. EST and CST are American (RFC 5322, 4.3), AST is Arabia's and IST India's.
_ZONE_HOURS = {
    name: hours
    for hours, names in {
        -10.0: "hst",
        -9.0: "akst",
        -8.0: "pst akdt",
        -7.0: "mst pdt",
        -6.0: "cst mdt",
        -5.0: "est cdt",
        -4.0: "edt",
        -3.5: "nst",
        -3.0: "adt brt art",
        -2.5: "ndt",
        0.0: "z ut utc gmt wet غرينتش جرينتش غرينيتش",
        1.0: "cet met mez west bst wat",
        2.0: "eet cest mest mesz cat sast",
        3.0: "eest ast ksa مكه msk trt eat idt",
        3.5: "irst",
        4.0: "gst msd",
        4.5: "irdt aft",
        5.0: "pkt",
        5.5: "ist",
        5.75: "npt",
        7.0: "ict wib",
        8.0: "hkt sgt pht myt awst wita",
        9.0: "jst kst wit",
        9.5: "acst",
        10.0: "aest",
        10.5: "acdt",
        11.0: "aedt",
        12.0: "nzst",
        13.0: "nzdt",
    }.items()
    for name in names.split()
}

_SIGNS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹،−–—ىةیک", "01234567890123456789,---يهيك", "\u0640'\u2019")


def _plain(text: str) -> str:
    """Lower case, ASCII digits and signs, no accents, vowel marks, hamza carriers or invisible characters."""
    text = unicodedata.normalize("NFKD", text).lower().translate(_SIGNS)
    if not text.isascii():
        text = "".join(char for char in text if unicodedata.category(char) not in ("Mn", "Cf"))
    return " ".join(text.split()).strip(" .,;")


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_MONTHS = {
    _plain(name.replace("_", " ")): number
    for number, names in enumerate(_MONTH_NAMES, start=1)
    for name in names.split()
}
_MEANINGLESS = frozenset(_plain(f"{_DAY_NAMES} {_FILLERS}").split())

_MONTH = re.compile(rf"(?<![^\W\d_])(?:{_any_of(_MONTHS)})(?![^\W\d_])")
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"[0-9]+")
_EPOCH = re.compile(r"([0-9]{9,10}|[0-9]{12,13})(\.[0-9]+)?")
_COMPACT = re.compile(r"([0-9]{8})([0-9]{4}(?:[0-9]{2})?)")
_ISO_T = re.compile(r"([0-9][0-9w-]{6,9})t(?=[0-9])")
_BASIC_CLOCK = re.compile(r"([0-9]{2})([0-9]{2})?([0-9]{2})?(?![0-9:])")
_CLOCK = re.compile(
    r"(?<![0-9+-])(?P<hour>[0-9]{1,2})(?::|\s?h)(?P<minute>[0-9]{2})(?![0-9])"
    r"(?::(?P<second>[0-9]{2})(?![0-9])(?:[.,](?P<fraction>[0-9]+))?)?"
)
_MERIDIEM = re.compile(r"\s?(?:(?P<am>a\.?m|ص|صباحا)|(?P<pm>p\.?m|م|مساء))\b\.?")
_ZONE = re.compile(
    r"[,\s]*(?:ب?توقيت\s)?\(?(?:"
    r"(?:(?:gmt|utc|ut|z)\s?)?(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?(?![0-9/.]|-[0-9])"
    rf"|(?P<name>{_any_of(_ZONE_HOURS)})(?![^\W_])"
    r"|(?P<military>[a-ik-y])(?![^\W_])"
    r")\)?"
)
_ZONE_COMMENT = re.compile(r"\s*(?:\([^()]*\)|(?P<word>[a-z]{2,5}))?\s*")
_DATE_WITH_ZONE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(z|[+-][0-9]{2}:[0-9]{2})")
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/. ])([0-9]{1,2})\2([0-9]{1,2})")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/. ])([0-9]{1,2})\2([0-9]{4})")
_BASIC_DATE = re.compile(r"([0-9]{4})()([0-9]{2})([0-9]{2})")
_YEAR_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_WEEK_DATE = re.compile(r"([0-9]{4})-?w([0-9]{2})(?:-?([1-7]))?")
_ORDINAL_DATE = re.compile(r"([0-9]{4})-([0-9]{3})")
_CORRESPONDING = re.compile(r"(?:ال)?موافق")
_LEADING_DAY = re.compile(r"(?:[^\W\d_]+\.?,|mar\b\.?)\s*")
_EDGES = " ,.-/|:;()"
_BETWEEN = re.compile(r"[ ,.\-/|:;()]*")

_USUAL_YEAR = "((?:197[1-9]|19[89][0-9]|20[0-9]{2}))"
_USUAL_ISO = re.compile(  # RFC 3339
    rf"{_USUAL_YEAR}(?:-[0-9]{{2}}){{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]{{3}}(?:[0-9]{{3}})?)?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
)
_USUAL_RFC = re.compile(  # RFC 5322
    rf"(?:{'|'.join(_ENGLISH_DAYS)}), ([0-9]{{2}}) ({'|'.join(_ENGLISH_MONTHS)}) {_USUAL_YEAR} "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|UTC|([+-])(0[0-9]|1[0-4])([0-5][0-9]))"
)

_HTTP_DATES = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        r"[a-z]{3}, ?(?P<day>\d{1,2}) (?P<month>[a-z]{3}) (?P<year>\d{4}) (?P<clock>\d\d:\d\d:\d\d) GMT",
        r"[a-z]{6,9}, ?(?P<day>\d\d)-(?P<month>[a-z]{3})-(?P<year>\d\d) (?P<clock>\d\d:\d\d:\d\d) GMT",
        r"[a-z]{3} (?P<month>[a-z]{3}) {1,2}(?P<day>\d{1,2}) (?P<clock>\d\d:\d\d:\d\d) (?P<year>\d{4})",
    )
)


def parse_date(text: str) -> datetime | None:
    """The instant a feed's date means, aware UTC.

    A missing zone means UTC, a missing time midnight, an unknown zone UTC (RFC 5322, 4.3), two-digit years
    1950 to 2049; weekdays are not believed. `03/04/2026` is the third of April, `03/24/2026` can only be the
    24th of March. Numbers of 9 or 10 digits are seconds since 1970, of 13 digits milliseconds, of 12 digits
    a date and time without separators where they can be one and else milliseconds.
    None: anything else (relative words, a bare year or day, more than `MAX_DATE_CHARS` characters), or an
    instant outside [`EARLIEST`, `LATEST`), where feeds keep their zero values and Hijri years.
    """
    if len(text) > MAX_DATE_CHARS:
        return None
    if usual := _read_usual(text):
        return usual
    plain = _plain(text)
    try:
        instant = _read_compact(plain) or _read_epoch(plain) or _read_written(_spell_out_iso(plain))
    except (ValueError, OverflowError):  # 25:00, an offset of 99 hours
        return None
    return instant if instant is not None and EARLIEST <= instant < LATEST else None


def _read_usual(text: str) -> datetime | None:
    """What nearly all feeds write, in a tenth of the time; None: not that, or no such instant."""
    try:
        if _USUAL_ISO.fullmatch(text):
            return datetime.fromisoformat(text).astimezone(UTC)
        if (match := _USUAL_RFC.fullmatch(text)) is None:
            return None
        day, month, year, hour, minute, second, sign, *offset = match.groups()
        instant = datetime(
            int(year),
            _ENGLISH_MONTHS.index(month) + 1,
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    if sign is None:
        return instant
    east = timedelta(hours=int(offset[0]), minutes=int(offset[1]))
    return instant - east if sign == "+" else instant + east


def parse_http_date(text: str) -> datetime | None:
    """An HTTP-date in any of its three forms (RFC 9110, 5.6.7), aware UTC; None if it is none of them.

    Two-digit years mean 1970 to 2069, a leap second the second before it; weekdays are not believed.
    """
    for form in _HTTP_DATES:
        match = form.fullmatch(text.strip())
        if match is None:
            continue
        year = int(match["year"])
        if len(match["year"]) == 2:
            year += 1900 if year >= 70 else 2000
        hour, minute, second = map(int, match["clock"].split(":"))
        try:
            month = _ENGLISH_MONTHS.index(match["month"].title()) + 1
            return datetime(year, month, int(match["day"]), hour, minute, _whole_second(second), tzinfo=UTC)
        except ValueError:
            return None
    return None


def format_http_date(instant: datetime) -> str:
    """IMF-fixdate (RFC 9110, 5.6.7), whole seconds, in English whatever the locale.

    Raises ValueError for a naive datetime.
    """
    at = _to_utc(instant)
    day, month = _ENGLISH_DAYS[at.weekday()], _ENGLISH_MONTHS[at.month - 1]
    return f"{day}, {at.day:02} {month} {at.year:04} {at.hour:02}:{at.minute:02}:{at.second:02} GMT"


def format_rfc3339(instant: datetime) -> str:
    """RFC 3339 in UTC with "Z", whole seconds. Raises ValueError for a naive datetime."""
    return _to_utc(instant).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _to_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:  # astimezone() would take the zone of this machine
        raise ValueError(f"{instant!r} has no time zone")
    return instant.astimezone(UTC)


def _read_compact(text: str) -> datetime | None:
    """`20261124103000` and `202611241030`; numbers that are no date may still be milliseconds."""
    match = _COMPACT.fullmatch(text)
    day = _find_day(match[1]) if match else None
    if match is None or day is None:
        return None
    hour, minute, second = int(match[2][:2]), int(match[2][2:4]), int(match[2][4:] or 0)
    if hour > 23 or minute > 59:
        return None
    return datetime(day.year, day.month, day.day, hour, minute, _whole_second(second), tzinfo=UTC)


def _read_epoch(text: str) -> datetime | None:
    match = _EPOCH.fullmatch(text)
    if match is None:
        return None
    count = float(text)
    seconds = count / 1000 if len(match[1]) > 10 else count
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _spell_out_iso(text: str) -> str:
    """ISO 8601 with its "T" gone and the colons of the basic form put in."""
    match = _ISO_T.match(text)
    if match is None:
        return text
    clock = text[match.end() :]
    basic = _BASIC_CLOCK.match(clock)
    if basic is not None:
        clock = f"{basic[1]}:{basic[2] or '00'}:{basic[3] or '00'}" + clock[basic.end() :]
    return f"{match[1]} {clock}"


def _read_written(text: str) -> datetime | None:
    clock = _CLOCK.search(text)
    if clock is None:
        dated = _DATE_WITH_ZONE.fullmatch(text)  # XML Schema's date
        day = _find_day(dated[1] if dated else text)
        offset = _find_offset(dated[2])[0] if dated else timedelta()
        time_of_day = timedelta()
    else:
        rest = text[clock.end() :]
        meridiem = _MERIDIEM.match(rest)
        rest = rest[meridiem.end() :] if meridiem else rest
        offset, rest = _find_offset(rest)
        day = _find_day(f"{text[: clock.start()]} {rest}")
        time_of_day = _time_of_day(clock, meridiem)
    if day is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + time_of_day - offset


def _time_of_day(clock: re.Match[str], meridiem: re.Match[str] | None) -> timedelta:
    hour, minute, second = int(clock["hour"]), int(clock["minute"]), _whole_second(int(clock["second"] or 0))
    if meridiem and meridiem["am"] and hour == 12:
        hour = 0
    elif meridiem and meridiem["pm"] and hour < 12:
        hour += 12
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        raise ValueError("no such time of day")
    microsecond = int(f"{clock['fraction'] or ''}000000"[:6])
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microsecond)


def _whole_second(second: int) -> int:
    return 59 if second == 60 else second  # a leap second, which datetime does not have


def _find_offset(text: str) -> tuple[timedelta, str]:
    """The offset that stands at the start of `text`, zero if none does, and the rest behind it."""
    zone = _ZONE.match(text)
    if zone is None or zone["military"]:  # RFC 5322, 4.3: military zones were used with both signs
        offset, rest = timedelta(), text[zone.end() :] if zone else text
    elif zone["name"]:
        offset, rest = timedelta(hours=_ZONE_HOURS[zone["name"]]), text[zone.end() :]
    else:
        offset = timedelta(hours=int(zone["hours"]), minutes=int(zone["minutes"] or 0))
        if offset > timedelta(hours=15):
            raise ValueError("no such offset")
        offset, rest = -offset if zone["sign"] == "-" else offset, text[zone.end() :]
    comment = _ZONE_COMMENT.fullmatch(rest)
    if comment is not None and comment["word"] not in _MONTHS:  # "+0300 (AST)", "+0000 UTC", an unknown zone
        rest = ""
    return offset, rest


def _find_day(text: str) -> date | None:
    """The calendar day that `text` names and nothing else; of several calendars the Gregorian."""
    parts = _CORRESPONDING.split(text)
    for part in parts:
        day = _find_gregorian(part) or _find_gregorian(_LEADING_DAY.sub("", part.lstrip(_EDGES), count=1))
        if day is not None:
            return day
    return None


def _find_gregorian(text: str) -> date | None:
    months = {_MONTHS[name] for name in _MONTH.findall(text)}
    bare = _MONTH.sub(" ", text) if months else text
    bare = _WORD.sub(lambda match: "" if match[0] in _MEANINGLESS else match[0], bare)
    bare = " ".join(bare.split()).strip(_EDGES)
    try:
        return _find_worded_day(bare, months) if months else _find_numeric_day(bare)
    except ValueError:  # 31 February
        return None


def _find_worded_day(rest: str, months: set[int]) -> date | None:
    """`months` are all that the text names: "يناير/كانون الثاني" names one month twice."""
    numbers = _NUMBER.findall(rest)
    if len(months) != 1 or len(numbers) != 2 or not _BETWEEN.fullmatch(_NUMBER.sub("", rest)):
        return None
    day, year = reversed(numbers) if len(numbers[0]) == 4 else numbers
    if len(day) > 2 or len(year) not in (2, 3, 4):
        return None
    return _since_1970(_full_year(year), months.pop(), int(day))


def _find_numeric_day(text: str) -> date | None:
    if match := _YEAR_FIRST.fullmatch(text) or _BASIC_DATE.fullmatch(text):
        return _since_1970(int(match[1]), int(match[3]), int(match[4]))
    if match := _YEAR_LAST.fullmatch(text):
        day, month = int(match[1]), int(match[3])
        day, month = (month, day) if month > 12 else (day, month)
        return _since_1970(int(match[4]), month, day)
    if match := _YEAR_MONTH.fullmatch(text):
        return _since_1970(int(match[1]), int(match[2]), 1)
    if match := _WEEK_DATE.fullmatch(text):
        return date.fromisocalendar(int(match[1]), int(match[2]), int(match[3] or 1))
    if match := _ORDINAL_DATE.fullmatch(text):
        day_of_year = date(int(match[1]), 1, 1) + timedelta(days=int(match[2]) - 1)
        return day_of_year if day_of_year.year == int(match[1]) else None
    return None


def _since_1970(year: int, month: int, day: int) -> date | None:
    """None for a year that is no year of ours, such as the Hijri year beside it."""
    return date(year, month, day) if year >= 1970 else None


def _full_year(digits: str) -> int:
    """RFC 5322, 4.3; three digits are years since 1900, from programs that were never mended."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year
