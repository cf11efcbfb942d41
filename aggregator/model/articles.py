"""What is published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.model.documents import Enclosure, Image
from aggregator.model.entries import Decision
from aggregator.model.settings import Direction, SourceInTitle


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """One source's copy of an article."""

    source_id: str
    source_name: str
    title: str
    url: str | None
    lang: str
    dir: Direction
    published_at: datetime
    decision: Decision | None = None  # why it was taken for the same text; None: it leads the article
    like: str | None = None  # the name of the source whose copy decided it; None: none in this article did


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The source whose entry leads an article: RSS <source>, Atom <source>."""

    id: str
    name: str
    feed_url: str
    site_url: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One text as we publish it: the lead entry's words, cut down to what its source's rights allow."""

    id: str  # opaque, as in /article/{id}
    guid: str  # tag URI (RFC 4151), fixed at first sight
    origin: Origin
    url: str | None
    title: str
    content_html: str  # "" unless the source's content right is "full"
    excerpt: str  # "" where the source's content right is "title"
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    image: Image | None
    enclosures: tuple[Enclosure, ...]
    lang: str
    dir: Direction
    published_at: datetime
    updated_at: datetime
    first_seen_at: datetime
    sections: tuple[str, ...]  # section references, sorted
    coverage: tuple[Coverage, ...]  # every source that carries it, the lead first
    story: str | None = None  # the story that it tells, as in /story/{id}; None: none is found yet


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontStory:
    """A story as an edition's front page may show it."""

    id: str  # as in /story/{id}; of its one article where no story is found yet
    articles: tuple[Article, ...]  # those that may stand for it, by id; never empty
    coverage: tuple[Coverage, ...]  # each source that tells it, once, the first to do so first


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One event as we publish it, with every headline that tells it."""

    guid: str  # tag URI, permanent as long as the story is
    lead: Article  # the one that most sources carry, of such the earliest
    coverage: tuple[Coverage, ...]  # the lead's first, then those of the other articles, the newest first
    published_at: datetime  # of the article that founded it
    updated_at: datetime  # moves when an article joins or is edited


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The place of a feed document among its archives (RFC 5005, section 4). URLs are absolute."""

    url: str | None  # its own; None: it is not an archive but the document that is subscribed to
    previous_url: str | None
    next_url: str | None = None
    fixed: bool = False  # whether no article can come into it any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """An article that is gone for good: it went into another."""

    guid: str
    withdrawn_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a person is told who opens a feed in a browser, in the language of the feed's edition."""

    lang: str  # BCP 47
    dir: Direction
    text: str  # what this is, and what to do with the address that follows
    page: str  # of the link to the page of the same content
    feeds: str  # of the link to the page of all feeds
    feeds_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHead:
    """All that a published feed says of itself. URLs are absolute."""

    id: str  # tag URI, permanent
    title: str
    description: str
    lang: str  # BCP 47
    dir: Direction
    home_url: str  # the HTML page of the same content
    article_root: str  # our article page is article_root + article.id
    rss_url: str
    atom_url: str  # "": the feed is RSS alone
    json_url: str  # likewise
    ttl: timedelta
    icon_url: str | None
    updated_at: datetime  # of the last change a reader would see; never the time of rendering
    source_in_title: SourceInTitle = "off"
    archive: Archive | None = None  # None: the feed has no archives
    hub_url: str | None = None  # the WebSub hub that its documents are pushed by; None: none
    notice: Notice | None = None  # None: nothing is said to people
    withdrawn: tuple[Withdrawal, ...] = ()  # what the feed may have listed and lists no more
