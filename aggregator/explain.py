"""`aggregator explain`: why an entry is in its article and its section, and the article in its story."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.config import Settings
from aggregator.errors import NoSuchEntry
from aggregator.store import open_store
from aggregator.store.reasons import (
    ArticleReason,
    EntryMention,
    Explanation,
    SectionReason,
    StoryMembership,
    find_explanation,
)

_ARTICLE_RULES = {
    "founder": "it founded the article, because it was no copy of any entry stored then",
    "repeated": "its source had carried the same words at the same address before, under another guid",
    "same-url": "another source carries the same address",
    "same-text": "another source carries the same title and the same text",
    "headline": "another source carries the same headline, and one of the two is a headline and no more",
    "near-copy": "its text and that of another entry are nearly the same",
    "ruling": "an admin decided so",
}
_STORY_RULES = {
    "founder": "it founded the story, because no story known then was near enough",
    "likeness": "its words are much like those of the story's articles",
    "link": "an article in another language has the same page, or the same picture and numbers",
    "ruling": "an admin decided so",
}
_SECTION_RULES = {
    "rule": "a rule of its source matches",
    "source": "no rule of its source matches",
    "learned": "no rule of its source matches; its words point there",
    "unsure": "no rule of its source matches, and its words do not point anywhere for sure",
}


def explain_entry(settings: Settings, entry: str) -> Explanation:
    """All that was decided about an entry. The id of an article or a story is also that of its founder.

    Raises NoSuchEntry for an id that is not stored.
    """
    store = open_store(settings.store_url)
    try:
        with store.read() as tx:
            explanation = find_explanation(tx, entry)
    finally:
        store.close()
    if explanation is None:
        raise NoSuchEntry(entry)
    return explanation


def render_explanation(explanation: Explanation, settings: Settings) -> str:
    """Plain sentences for a terminal, without a line end at the end."""
    entry = explanation.entry
    parts = [
        ("Entry", [_render_mention(entry), *([entry.url] if entry.url else [])]),
        ("Its article", list(_list_article_lines(explanation.article, entry))),
        ("The article's story", list(_list_story_lines(explanation.story))),
        ("Its section", list(_list_section_lines(explanation.section, settings))),
    ]
    return "\n".join(f"{head}\n" + "\n".join(f"    {line}" for line in lines) for head, lines in parts)


def _list_article_lines(article: ArticleReason, entry: EntryMention) -> Iterator[str]:
    founded = article.id == entry.id
    members = {each.id: each for each in (entry, article.founder, *article.others) if each is not None}
    sources = _count(len({each.source for each in members.values()}), "source", "sources")
    yield f"{article.id}: one text, in {_count(len(members), 'entry', 'entries')} of {sources}"
    yield f"Why: {_describe(article.rule, _ARTICLE_RULES)}"
    if article.rule == "founder":
        if article.score is not None and article.threshold is not None and article.decided_by is not None:
            yield f"The nearest scored {article.score:.3f}; needed was {article.threshold:.3f}"
            yield f"It was: {_render_mention(article.decided_by)}"
    else:
        yield from _list_scores(article.score, article.threshold)
        yield f"Evidence: {article.evidence}"
    if article.rule != "founder" and article.decided_by is not None:
        yield f"Decided by: {_render_mention(article.decided_by)}"
    if not founded and article.founder is not None:
        yield f"Founded by: {_render_mention(article.founder)}"
    for other in article.others:
        yield f"Also in it: {_render_mention(other)}"


def _list_story_lines(story: StoryMembership | None) -> Iterator[str]:
    if story is None:
        yield "not decided yet: stories are found a moment after articles, by serve and at the end of poll"
        return
    articles = _count(len(story.others) + 1, "article", "articles")
    yield f"{story.id}: one event, in {articles} of {_count(story.sources, 'source', 'sources')}"
    yield f"From {story.first_at:%Y-%m-%d %H:%M} to {story.last_at:%Y-%m-%d %H:%M} UTC"
    yield f"Why: {_describe(story.rule, _STORY_RULES)}"
    if story.rule == "likeness":
        yield from _list_scores(story.score, story.threshold)
    if story.rule == "founder" and story.score:
        yield f"The nearest scored {story.score:.3f}; needed was {story.threshold:.3f}"
    if story.words:
        with_whom = " with it" if story.rule == "founder" else ""
        yield f"Words in common{with_whom}: {', '.join(story.words)}"
    for other in story.others:
        yield (
            f"Also in it: {other.id}, {other.published_at:%Y-%m-%d %H:%M} UTC, "
            f"{' and '.join(other.sources)}: {other.title}"
        )


def _list_section_lines(section: SectionReason, settings: Settings) -> Iterator[str]:
    configured = settings.find_section(section.id)
    yield section.id if configured is None else f"{section.id}: {configured.name}"
    yield f"Why: {_describe(section.rule, _SECTION_RULES)}"
    yield f"Evidence: {section.evidence}"


def _list_scores(score: float | None, threshold: float | None) -> Iterator[str]:
    if score is not None and threshold is not None:
        yield f"Score {score:.3f}; needed was {threshold:.3f}"


def _describe(rule: str, words: dict[str, str]) -> str:
    return f"{words[rule]} [{rule}]" if rule in words else f"[{rule}]"


def _render_mention(entry: EntryMention) -> str:
    return f"{entry.id}, {entry.published_at:%Y-%m-%d %H:%M} UTC, {entry.source}: {entry.title}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
