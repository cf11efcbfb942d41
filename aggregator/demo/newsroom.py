"""The demo's world: invented outlets that publish, copy and correct invented news on a running publisher.

What stands in a feed is a function of the seed, the start and the time, so that two newsrooms agree.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aggregator.demo.documents import DemoEnclosure, DemoFeed, DemoItem, load_texts, render_document
from aggregator.demo.outlets import (
    DemoArticle,
    Outlet,
    get_content_type,
    list_articles,
    list_outlets,
    render_home,
    render_html,
    render_page,
    restyle_text,
    restyle_title,
)
from aggregator.demo.pictures import get_picture_path, render_png, render_sound, render_svg, roll
from aggregator.demo.publisher import Publisher

MAX_ITEMS = 30
ARCHIVE_SHARE = 0.6
ARCHIVE_SPAN = timedelta(hours=24)
ARCHIVE_COPY_LAG = timedelta(minutes=7)  # how much later the next outlet carries a wire article
EDIT_EVERY = timedelta(minutes=1)
FAULT_EVERY = timedelta(minutes=1)

FAILING_ID = "qafila"
FAILING_NAME = "أخبار القافلة"
FAILING_PATH = "/qafila/rss.xml"

_EDITIONS = ("ar-LY", "en-GB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """An article in one outlet."""

    number: int  # counts all appearances from 1
    article: DemoArticle
    outlet: Outlet
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    seed: int
    appearances: tuple[Appearance, ...]  # by publication, those to come included
    exhausted_at: datetime  # when the last one is out and edits begin


def make_world(*, seed: int, started_at: datetime, release_every: timedelta) -> World:
    """Decide what appears where and when.

    Of every section the larger part is spread over the 24 hours before `started_at`; the rest follows one by
    one, and outlets copy a wire article soon after the first.
    """
    started_at = started_at.replace(microsecond=0)
    archive, live = _split_articles(seed)
    planned: list[tuple[datetime, DemoArticle, str]] = []
    for place, article in enumerate(archive):
        share = (place + roll(seed, "age", article.id) % 1000 / 1000) / len(archive)
        at = started_at - ARCHIVE_SPAN * share
        planned += _list_copies(article, at.replace(microsecond=0), ARCHIVE_COPY_LAG)
    for place, article in enumerate(live, start=1):
        planned += _list_copies(article, started_at + release_every * place, release_every)
    outlets = {outlet.id: outlet for outlet in list_outlets()}
    planned.sort(key=lambda plan: (plan[0], plan[1].id, plan[2]))
    appearances = tuple(
        Appearance(number=number, article=article, outlet=outlets[outlet_id], published_at=at)
        for number, (at, article, outlet_id) in enumerate(planned, start=1)
    )
    return World(seed=seed, appearances=appearances, exhausted_at=appearances[-1].published_at)


def list_feeds(world: World, *, now: datetime, base_url: str) -> tuple[tuple[Outlet, DemoFeed], ...]:
    """What every outlet's feed holds at a moment, the newest first, at most 30 items each."""
    edits = _find_last_edits(world, now)
    feeds = []
    for outlet in list_outlets():
        out = [a for a in world.appearances if a.outlet.id == outlet.id and a.published_at <= now]
        newest = reversed(out[-MAX_ITEMS:])
        items = tuple(
            make_item(a, seed=world.seed, edited_at=edits.get(a.number), base_url=base_url) for a in newest
        )
        feed = DemoFeed(
            title=outlet.name,
            link=f"{base_url}/{outlet.id}/",
            lang=outlet.lang,
            description=outlet.about,
            items=items,
            xhtml=outlet.xhtml,
        )
        feeds.append((outlet, feed))
    return tuple(feeds)


def make_item(appearance: Appearance, *, seed: int, edited_at: datetime | None, base_url: str) -> DemoItem:
    """An article in the words and habits of the outlet that carries it."""
    article, outlet = appearance.article, appearance.outlet
    is_link = outlet.wire == "link" and outlet.id != article.outlet_ids[0]
    home = article.outlet_ids[0] if is_link else outlet.id
    url = f"{base_url}/{home}/{article.section.partition('/')[2]}/{article.id}.html"
    if is_link:
        url += f"?utm_source={outlet.id}&utm_medium=rss&utm_campaign=wire"
    guids = {
        "url": url,
        "tag": f"tag:{outlet.id}.example,2026:{article.id}",
        "number": f"{outlet.id}-{1000 + appearance.number}",
    }
    picture = f"{base_url}{get_picture_path(article.id)}"
    note = _make_note(outlet.lang, edited_at, seed) if edited_at else None
    html = render_html(restyle_text(article.text, outlet), note)
    if outlet.picture == "inline":
        html = f'<figure><img src="{picture}" alt="" /></figure>\n{html}'
    sound = render_sound(article.id) if article.audio else b""
    enclosure = DemoEnclosure(url=f"{base_url}/audio/{article.id}.wav", type="audio/wav", length=len(sound))
    return DemoItem(
        guid=guids[outlet.guid],
        url=url,
        title=restyle_title(article.title, outlet),
        summary=restyle_text(article.summary, outlet),
        html=html,
        author=outlet.bylines[roll(seed, "byline", article.id) % len(outlet.bylines)],
        categories=(load_texts()["categories"][article.section],),
        published_at=appearance.published_at,
        updated_at=edited_at or appearance.published_at,
        image_url=picture if outlet.picture == "media" else None,
        enclosure=enclosure if article.audio else None,
    )


def demo_config(publisher_url: str, *, site_url: str, store_path: str) -> str:
    """The config.toml that makes a site of the demo's outlets, the failing one included."""
    texts = load_texts()
    parts = [
        f"[site]\ntitle = {_quote('واحة الأخبار')}\nurl = {_quote(site_url)}\n"
        f'timezone = "Africa/Tripoli"\neditions = [{", ".join(map(_quote, _EDITIONS))}]',
        f"[store]\nurl = {_quote(f'sqlite:///{store_path}')}",
        '[fetch]\nallow_networks = ["127.0.0.0/8"]\nhost_gap = "1s"',
        '[defaults]\nevery = "5s"\ntimeout = "10s"\ncontent = "full"',
    ]
    for edition, sections in texts["sections"].items():
        for section_id, name in sections.items():
            parts.append(f'[[section]]\nid = "{section_id}"\nedition = "{edition}"\nname = {_quote(name)}')
    parts += (_render_source(outlet, publisher_url) for outlet in list_outlets())
    parts.append(
        f'[[source]]\nid = "{FAILING_ID}"\nname = {_quote(FAILING_NAME)}\n'
        f'url = {_quote(publisher_url + FAILING_PATH)}\nsection = "ar/world"'
    )
    return "\n\n".join(parts) + "\n"


def _render_source(outlet: Outlet, publisher_url: str) -> str:
    """Sections beside the outlet's own are told by category, or where its format has none, by path."""
    rules = []
    carried = [article for article in list_articles() if outlet.id in article.outlet_ids]
    for section in sorted({article.section for article in carried} - {outlet.section}):
        if outlet.format == "rss091":
            heads = {article.outlet_ids[0] for article in carried if article.section == section}
            conditions = [f'path = "/{head}/{section.partition("/")[2]}/"' for head in sorted(heads)]
        else:
            conditions = [f"category = {_quote(load_texts()['categories'][section])}"]
        rules += [f'    {{ {condition}, section = "{section}" }},' for condition in conditions]
    lines = [
        "[[source]]",
        f'id = "{outlet.id}"',
        f"name = {_quote(outlet.name)}",
        f"url = {_quote(publisher_url + outlet.path)}",
        f'section = "{outlet.section}"',
        f'lang = "{outlet.lang}"',
    ]
    if rules:
        lines += ["rules = [", *rules, "]"]
    return "\n".join(lines)


def _quote(text: str) -> str:
    """A TOML basic string, which JSON's strings are as long as they hold no DEL."""
    return json.dumps(text, ensure_ascii=False)


# --- what is decided by dice ------------------------------------------------------------------------


def _split_articles(seed: int) -> tuple[list[DemoArticle], list[DemoArticle]]:
    def order(article: DemoArticle) -> int:
        return roll(seed, "order", article.id)

    archive: list[DemoArticle] = []
    live: list[DemoArticle] = []
    for section in dict.fromkeys(article.section for article in list_articles()):
        shuffled = sorted((a for a in list_articles() if a.section == section), key=order)
        cut = math.ceil(len(shuffled) * ARCHIVE_SHARE)
        archive += shuffled[:cut]
        live += shuffled[cut:]
    return sorted(archive, key=order), sorted(live, key=order)


def _list_copies(
    article: DemoArticle, at: datetime, lag: timedelta
) -> Iterable[tuple[datetime, DemoArticle, str]]:
    return ((at + lag * place, article, outlet_id) for place, outlet_id in enumerate(article.outlet_ids))


def _find_last_edits(world: World, now: datetime) -> dict[int, datetime]:
    """When each appearance was last edited, by its number; headline feeds have no text to edit."""
    editable = [a for a in world.appearances if a.outlet.format != "rss091"]
    edits = {}
    for place in range(1, max(0, (now - world.exhausted_at) // EDIT_EVERY) + 1):
        chosen = editable[roll(world.seed, "edit", place) % len(editable)]
        edits[chosen.number] = world.exhausted_at + EDIT_EVERY * place
    return edits


def _make_note(lang: str, edited_at: datetime, seed: int) -> str:
    notes = load_texts()["notes"][lang]
    return str(notes[roll(seed, "note", edited_at) % len(notes)]).format(time=f"{edited_at:%H:%M}")


# --- on air -----------------------------------------------------------------------------------------


class Newsroom:
    """Keeps the outlets' feeds, pages and pictures on a publisher up to date.

    Either the caller moves time with `advance`, or `start` lets a thread do so once a second.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        started_at: datetime,
        seed: int = 1,
        release_every: timedelta = timedelta(seconds=4),
    ) -> None:
        self._publisher = publisher
        self._world = make_world(seed=seed, started_at=started_at, release_every=release_every)
        self._started_at = started_at
        self._shown: dict[str, DemoFeed] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        for article in list_articles():
            self._publish_pictures(article)
        self.advance(started_at)

    def advance(self, now: datetime) -> tuple[str, ...]:
        """Publish the world as it is at `now`; returns the paths of the feeds that changed."""
        self._publish_fault(now)
        changed = []
        for outlet, feed in list_feeds(self._world, now=now, base_url=self._publisher.url):
            if feed != self._shown.get(outlet.id):
                self._publish_feed(outlet, feed)
                self._shown[outlet.id] = feed
                changed.append(outlet.path)
        return tuple(changed)

    def start(self) -> None:
        """Follow the clock from now on, until `stop`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="newsroom", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave the feeds as they are. Stopping twice, or without a start, does no harm."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.advance(datetime.now(UTC))
            self._stopping.wait(1.0)

    def _publish_feed(self, outlet: Outlet, feed: DemoFeed) -> None:
        self._publisher.publish(
            outlet.path,
            render_document(outlet.format, feed, encoding=outlet.encoding),
            content_type=f"{get_content_type(outlet)}; charset={outlet.encoding}",
            last_modified=max((item.updated_at for item in feed.items), default=self._started_at),
        )
        pages = {f"/{outlet.id}/": render_home(feed, outlet)}
        for item in feed.items:
            path = item.url.removeprefix(self._publisher.url)
            if "?" not in path:  # else the page of the outlet that wrote it
                pages[path] = render_page(item, outlet)
        for path, page in pages.items():
            self._publisher.publish(path, page, content_type="text/html; charset=utf-8", gzip=False)

    def _publish_pictures(self, article: DemoArticle) -> None:
        path = get_picture_path(article.id)
        render, kind = (render_png, "image/png") if path.endswith(".png") else (render_svg, "image/svg+xml")
        self._publisher.publish(path, render(article.id), content_type=kind, gzip=False)
        if article.audio:
            sound = render_sound(article.id)
            self._publisher.publish(f"/audio/{article.id}.wav", sound, content_type="audio/wav", gzip=False)

    def _publish_fault(self, now: datetime) -> None:
        """The failing source: one minute 503, the next a web page where the feed should be."""
        page = (
            f"<!doctype html><html lang=ar dir=rtl><title>{FAILING_NAME}</title><p>الموقع تحت الصيانة</html>"
        )
        is_page = (now - self._started_at) // FAULT_EVERY % 2 == 1
        self._publisher.publish(
            FAILING_PATH,
            page.encode(),
            content_type="text/html; charset=utf-8",
            status=200 if is_page else 503,
            etag=None,
        )
