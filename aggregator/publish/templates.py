"""The Jinja2 environment of an edition: its words, its dates, its digits and the paths of our pages.

The templates are English; `templates/locale/{language}.po` has the words of other languages. Catalogues
are compiled in memory, so that no compiled file can be older than what it was compiled from.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import jinja2
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_percent
from babel.support import NullTranslations, Translations
from hijridate import Gregorian
from jinja2.runtime import Context
from markupsafe import Markup

from aggregator.model import Article, Coverage, Edition, Section, Site, Source, Telling
from aggregator.publish.body import render_page_body
from aggregator.publish.digest import count_sources, list_outlets
from aggregator.publish.pictures import icon_path, image_src, image_url

# Name and media type of a feed by the ending of its path.
FEED_NAMES = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed"}
FEED_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}

OUTLETS_SHOWN = 3  # besides the one that leads; the rest is folded away

# CLDR numbering systems in use for news; Babel names them but prints ASCII digits all the same.
_DIGITS = {
    "arab": str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
    "arabext": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"),
}


def make_environment(edition: Edition) -> jinja2.Environment:
    """Return the environment that renders `edition`'s pages.

    Text is escaped unless marked safe, an unknown name in a template is an error, and the words are those
    of the edition's language, or English where there is no catalogue. Every template expects `site` in its
    context, because dates and digits follow the site.

    Raises babel.UnknownLocaleError if neither the edition's locale nor its language is known to CLDR.
    """
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(find_templates()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.policies["ext.i18n.trimmed"] = True
    env.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    locale = find_locale(edition.locale)
    # The extension adds this method at run time; only its stub knows nothing of it.
    env.install_gettext_translations(load_translations(locale), newstyle=True)  # type: ignore[attr-defined]
    env.filters.update(_make_filters(edition, locale))
    env.tests["weblink"] = is_weblink
    env.globals.update(
        front_path=front_path,
        section_path=section_path,
        article_path=article_path,
        story_path=story_path,
        telling_path=telling_path,
        day_path=day_path,
        icon_path=icon_path,
        search_path=search_path,
        about_path=about_path,
        feed_path=feed_path,
        top_feed_path=top_feed_path,
        story_feed_path=story_feed_path,
        source_feed_path=source_feed_path,
        outlets_shown=OUTLETS_SHOWN,
        feed_formats=tuple(FEED_NAMES),
        feed_names=FEED_NAMES,
        feed_types=FEED_TYPES,
        language_names=language_names,
    )
    return env


def find_templates() -> Path:
    """The folder of the templates: inside the package where a wheel put it, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


def find_locale(tag: str) -> Locale:
    """The CLDR locale of a BCP 47 tag, or that of its language where the region is unknown."""
    try:
        return Locale.parse(tag, sep="-")
    except UnknownLocaleError:
        return Locale.parse(tag.partition("-")[0])


@cache
def load_translations(locale: Locale) -> NullTranslations:
    """Compile the catalogue of the locale's language; without one, the English of the templates stands."""
    path = find_templates() / "locale" / f"{locale.language}.po"
    if not path.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=locale.language))
    compiled.seek(0)
    return Translations(compiled)


# --- paths of our pages, root-relative ------------------------------------------------------------


def front_path(edition: Edition) -> str:
    return f"/{edition.id}/"


def section_path(section: Section, page: int = 1) -> str:
    """The path of one page of a section; page 1 has no number in it."""
    path = f"/{section.edition}/s/{section.id}/"
    return path if page == 1 else f"{path}page/{page}/"


def article_path(article: Article) -> str:
    return path_of_article(article.id)


def path_of_article(article_id: str) -> str:
    return f"/article/{quote(article_id, safe='')}"


def story_path(story: str) -> str:
    """`story` is the public id."""
    return f"/story/{quote(story, safe='')}"


def telling_path(telling: Telling) -> str:
    return path_of_article(telling.article_id)


def day_path(edition: Edition, day: date, page: int = 1) -> str:
    path = f"/{edition.id}/{day.year:04}/{day.month:02}/{day.day:02}/"
    return path if page == 1 else f"{path}page/{page}/"


def search_path(edition: Edition, text: str = "", page: int = 1) -> str:
    asked = {"q": text} | ({"page": str(page)} if page != 1 else {})
    return f"/{edition.id}/search" + (f"?{urlencode(asked)}" if text else "")


def about_path(edition: Edition) -> str:
    return f"/{edition.id}/about/"


def feed_path(edition: Edition, section: Section | None, feed_format: str) -> str:
    """The path of a section's feed, or of the whole edition's where `section` is None."""
    return f"/feeds/{edition.id}/{section.id if section else 'all'}.{feed_format}"


def top_feed_path(edition: Edition, feed_format: str) -> str:
    return f"/feeds/{edition.id}/top.{feed_format}"


def story_feed_path(edition: Edition, section: Section | None, feed_format: str) -> str:
    """The path of the feed of a section's stories, or of the whole edition's where `section` is None."""
    return f"/feeds/{edition.id}/stories/{section.id if section else 'all'}.{feed_format}"


def source_feed_path(source: Source, feed_format: str) -> str:
    return f"/feeds/source/{source.id}.{feed_format}"


# --- what else templates ask for -------------------------------------------------------------------


def is_weblink(url: str | None) -> bool:
    """Whether `url` may stand in an href or src: http or https, nothing else."""
    return url is not None and urlsplit(url).scheme.lower() in ("http", "https")


def language_names(editions: tuple[Edition, ...]) -> dict[str, str]:
    """What each edition is called in its own language, by edition id.

    The language alone ("العربية"), with its region where two editions share the language.
    """
    locales = {edition.id: find_locale(edition.locale) for edition in editions}
    languages = [locale.language for locale in locales.values()]
    return {
        id: (locale.get_language_name(locale) if languages.count(locale.language) == 1 else None)
        or locale.get_display_name(locale)
        or id
        for id, locale in locales.items()
    }


# --- filters --------------------------------------------------------------------------------------


def _make_filters(edition: Edition, locale: Locale) -> dict[str, Any]:
    """The filters that know the edition's locale; the site comes with each template's context."""

    def digits(context: Context, value: object) -> str:
        return _map_digits(str(value), context["site"], locale)

    def day(context: Context, at: datetime) -> str:
        return digits(context, _say_day(_local(context, at).date(), locale))

    def clock(context: Context, at: datetime) -> str:
        return digits(context, _say_time(at, "short", context["site"].timezone, locale))

    def when(context: Context, at: datetime, reference: datetime | None = None) -> str:
        """Only the time on the day of `reference`; else the day too, with its year unless it is the same."""
        local = _local(context, at)
        if reference is not None and local.date() == _local(context, reference).date():
            return clock(context, at)
        same_year = reference is not None and local.year == _local(context, reference).year
        text = format_skeleton("MMMd" if same_year else "yMMMd", local, locale=locale)
        return _join_day_time(digits(context, text), clock(context, at), locale)

    def zone(context: Context, at: datetime) -> str:
        return digits(context, _say_time(at, "zzzz", context["site"].timezone, locale))

    def moment(context: Context, at: datetime) -> str:
        """Day, time and zone, all in words."""
        return f"{_join_day_time(day(context, at), clock(context, at), locale)} ({zone(context, at)})"

    def iso(context: Context, at: datetime) -> str:
        return _local(context, at).isoformat(timespec="seconds")

    def day_link(context: Context, at: datetime) -> str:
        return day_path(edition, _local(context, at).date())

    def percent(context: Context, share: float) -> str:
        return digits(context, format_percent(share, locale=locale))

    with_context = (
        digits,
        day,
        clock,
        when,
        zone,
        moment,
        iso,
        day_link,
        hijri,
        percent,
        picture,
        picture_url,
    )
    return {
        **{f.__name__: jinja2.pass_context(f) for f in with_context},
        "unlike": lambda item: _unlike(item, edition),
        "outlets": list_outlets,
        "source_count": count_sources,
        "body": _body,
    }


# A page says each time twice, and the next page of the same news says it again.


@lru_cache(maxsize=512)
def _say_day(day: date, locale: Locale) -> str:
    return str(format_date(day, "full", locale=locale))


@lru_cache(maxsize=8192)
def _say_time(at: datetime, form: str, timezone: tzinfo, locale: Locale) -> str:
    return str(format_time(at, form, tzinfo=timezone, locale=locale))


@jinja2.pass_context
def _body(context: Context, article: Article) -> Markup:
    """The one text that goes out unescaped: it was sanitised when the entry was cleaned."""
    site: Site = context["site"]
    return Markup(render_page_body(site, article))  # noqa: S704


@jinja2.pass_context
def picture(context: Context, url: str) -> str:
    return image_src(context["site"], url)


@jinja2.pass_context
def picture_url(context: Context, url: str) -> str:
    return image_url(context["site"], url)


@jinja2.pass_context
def hijri(context: Context, at: datetime) -> tuple[int, int, int] | None:
    """Year, month and day of the Umm al-Qura calendar where the site is.

    None outside its tables, which go from 1924 to 2077.
    """
    local = _local(context, at)
    try:
        return Gregorian(local.year, local.month, local.day).to_hijri().datetuple()
    except OverflowError:
        return None


def _local(context: Context, at: datetime) -> datetime:
    site: Site = context["site"]
    return at.astimezone(site.timezone)


def _join_day_time(day: str, clock: str, locale: Locale) -> str:
    return str(locale.datetime_formats["medium"]).replace("{1}", day).replace("{0}", clock)


def _map_digits(text: str, site: Site, locale: Locale) -> str:
    system = site.digits or locale.default_numbering_system
    if system == "arab" and locale.other_numbering_systems.get("native") != "arab":
        # `digits` is one setting for all editions, but ٢٠٢٦ is of no use to readers of English.
        system = locale.default_numbering_system
    return text.translate(_DIGITS.get(system, {}))


def _unlike(item: Article | Coverage | Telling | Edition, edition: Edition) -> Mapping[str, str | None]:
    """The `lang` and `dir` attributes that `item` needs on a page of `edition`; None: inherited as it is.

    An unknown language becomes lang="" (HTML, 3.2.6.2), but only where the direction says that it cannot
    be the page's.
    """
    lang = item.locale if isinstance(item, Edition) else item.lang
    direction = item.dir if item.dir != edition.dir else None
    if lang == "und":
        return {"lang": "" if direction else None, "dir": direction}
    same = lang.partition("-")[0].lower() == edition.locale.partition("-")[0].lower()
    return {"lang": None if same else lang, "dir": direction}
