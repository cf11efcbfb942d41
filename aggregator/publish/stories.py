"""A story as an item of a feed: its lead article, and below it every headline that tells the event."""

from __future__ import annotations

import html
from dataclasses import replace

from aggregator.model import Article, Coverage, Story
from aggregator.publish.body import as_uri

MAX_HEADLINES = 50


def present_story(story: Story) -> Article:
    """The item: the lead's title, link and picture, its excerpt, and the outlets' headlines with links.

    It is published when the story began and updated when an article joins. Excerpt and picture are the
    lead's, as far as the rights of its source allow; of all others the title alone is shown.
    """
    lead = story.lead
    return replace(
        lead,
        guid=story.guid,
        content_html=_render_headlines(lead.excerpt, story.coverage[:MAX_HEADLINES]),
        enclosures=(),
        published_at=story.published_at,
        updated_at=story.updated_at,
        first_seen_at=story.updated_at,
        coverage=story.coverage,
    )


def _render_headlines(excerpt: str, coverage: tuple[Coverage, ...]) -> str:
    words = [f"<p>{html.escape(excerpt, quote=False)}</p>"] if excerpt else []
    return "\n".join([*words, "<ul>", *(_render_headline(copy) for copy in coverage), "</ul>"])


def _render_headline(copy: Coverage) -> str:
    title = html.escape(copy.title.strip() or copy.source_name.strip() or copy.source_id, quote=False)
    outlet = html.escape(copy.source_name.strip() or copy.source_id, quote=False)
    if copy.url:
        title = f'<a href="{html.escape(as_uri(copy.url))}">{title}</a>'
    return f'<li dir="{copy.dir}" lang="{html.escape(copy.lang)}">{title} (<bdi>{outlet}</bdi>)</li>'
