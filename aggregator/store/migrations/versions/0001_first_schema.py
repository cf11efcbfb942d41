"""The first schema. Written out, not taken from tables.py: history must not move with the present."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LABEL = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    _create_sources()
    _create_entries()
    _create_articles()
    _create_stories()
    _create_subscriptions()


def _create_sources() -> None:
    op.create_table(
        "meta",
        sa.Column("key", LABEL, primary_key=True),
        sa.Column("value", LABEL, nullable=False),
    )
    op.create_table(
        "hosts",
        sa.Column("host", LABEL, primary_key=True),
        sa.Column("lease_token", LABEL),
        sa.Column("lease_owner", LABEL),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("not_before", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sources",
        sa.Column("id", LABEL, primary_key=True),
        sa.Column("configured", sa.Boolean, nullable=False),
        sa.Column("name", LABEL, nullable=False),
        sa.Column("url", LABEL, nullable=False),
        sa.Column("poll_url", LABEL, nullable=False),
        sa.Column("host", LABEL, nullable=False),
        sa.Column("disabled_at", sa.BigInteger),
        sa.Column("pace", sa.JSON, nullable=False),
        sa.Column("content", LABEL, nullable=False),
        sa.Column("placing", sa.LargeBinary, nullable=False),
        sa.Column("reading", sa.LargeBinary, nullable=False),
        sa.Column("site_url", LABEL),
        sa.Column("icon_url", LABEL),
        sa.Column("etag", LABEL),
        sa.Column("last_modified", LABEL),
        sa.Column("body_hash", sa.LargeBinary),
        sa.Column("next_poll_at", sa.BigInteger, nullable=False),
        sa.Column("last_polled_at", sa.BigInteger),
        sa.Column("last_success_at", sa.BigInteger),
        sa.Column("last_read_at", sa.BigInteger),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_error", LABEL),
        sa.Column("problems", sa.JSON, nullable=False),
        sa.Column("skipped", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sources_due", "sources", ["host", "next_poll_at"])


def _create_entries() -> None:
    op.create_table(
        "entries",
        sa.Column("id", BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("source_id", LABEL, nullable=False),
        sa.Column("guid", LABEL, nullable=False),
        sa.Column("article_id", sa.BigInteger, nullable=False),
        sa.Column("article_rule", LABEL, nullable=False),
        sa.Column("article_evidence", LABEL, nullable=False),
        sa.Column("article_score", sa.Float),
        sa.Column("article_threshold", sa.Float),
        sa.Column("article_match", sa.BigInteger),
        sa.Column("section", LABEL, nullable=False),
        sa.Column("section_rule", LABEL, nullable=False),
        sa.Column("section_evidence", LABEL, nullable=False),
        sa.Column("url_key", sa.BigInteger),
        sa.Column("title_key", sa.BigInteger, nullable=False),
        sa.Column("text_key", sa.BigInteger),
        sa.Column("raw_hash", sa.LargeBinary, nullable=False),
        sa.Column("content_hash", sa.LargeBinary, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("lang", LABEL, nullable=False),
        sa.Column("dir", LABEL, nullable=False),
        sa.Column("url", LABEL),
        sa.Column("title", LABEL, nullable=False),
        sa.Column("authors", sa.JSON, nullable=False),
        sa.Column("categories", sa.JSON, nullable=False),
        sa.Column("image", sa.JSON),
        sa.Column("enclosures", sa.JSON, nullable=False),
        sa.Column("excerpt", sa.Text, nullable=False),
        sa.Column("content_html", sa.Text, nullable=False),
    )
    op.create_index("ix_entries_source", "entries", ["source_id", "published_at"])
    op.create_index("ix_entries_article", "entries", ["article_id"])
    op.create_index("ix_entries_url_key", "entries", ["url_key"])
    op.create_index("ix_entries_text_key", "entries", ["text_key"])
    op.create_index("ix_entries_first_seen", "entries", ["first_seen_at"])
    op.create_table(
        "signatures",
        sa.Column("entry_id", BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("signed_at", sa.BigInteger, nullable=False),
        sa.Column("sketch", sa.LargeBinary, nullable=False),
        sa.Column("folded", sa.Text, nullable=False),
    )
    op.create_index("ix_signatures_signed", "signatures", ["signed_at"])
    op.create_table(
        "sketches",
        sa.Column("hash", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.BigInteger, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "revisions",
        sa.Column("entry_id", sa.BigInteger, primary_key=True),
        sa.Column("replaced_at", sa.BigInteger, primary_key=True),
        sa.Column("title", LABEL, nullable=False),
        sa.Column("url", LABEL),
        sa.Column("content_html", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tombstones",
        sa.Column("entry_id", BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("source_id", LABEL, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_tombstones_last_seen", "tombstones", ["last_seen_at"])


def _create_articles() -> None:
    op.create_table(
        "articles",
        sa.Column("id", BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("lead_entry_id", sa.BigInteger, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("story_id", sa.BigInteger),
        sa.Column("story_rule", LABEL),
        sa.Column("story_score", sa.Float),
        sa.Column("story_threshold", sa.Float),
        sa.Column("story_words", LABEL),
    )
    op.create_index("ix_articles_first_seen", "articles", ["first_seen_at"])
    op.create_index("ix_articles_story", "articles", ["story_id", "published_at"])
    op.create_table(
        "article_sections",
        sa.Column("section", LABEL, primary_key=True),
        sa.Column("published_at", sa.BigInteger, primary_key=True),
        sa.Column("article_id", sa.BigInteger, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_article_sections_article", "article_sections", ["article_id"])


def _create_stories() -> None:
    op.create_table(
        "vectors",
        sa.Column("article_id", BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("source_id", LABEL, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.Column("weighed_at", sa.BigInteger, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("links", sa.JSON, nullable=False),
    )
    op.create_index("ix_vectors_weighed", "vectors", ["weighed_at"])
    op.create_table(
        "story_terms",
        sa.Column("term", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("article_id", sa.BigInteger, nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "term_counts",
        sa.Column("term", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("count", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "story_rulings",
        sa.Column("one", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("other", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("together", sa.Boolean, nullable=False),
        sa.Column("ruled_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_story_rulings_other", "story_rulings", ["other"])
    op.create_table(
        "redirects",
        sa.Column("kind", LABEL, primary_key=True),
        sa.Column("from_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("into_id", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("token", LABEL, primary_key=True),
        sa.Column("source_id", LABEL, nullable=False),
        sa.Column("hub", LABEL, nullable=False),
        sa.Column("topic", LABEL, nullable=False),
        sa.Column("callback", LABEL, nullable=False),
        sa.Column("secret", LABEL, nullable=False),
        sa.Column("state", LABEL, nullable=False),
        sa.Column("awaiting", sa.Boolean, nullable=False),
        sa.Column("asked_at", sa.BigInteger),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("active_since", sa.BigInteger),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_error", LABEL),
        sa.Column("pushed_at", sa.BigInteger),
        sa.Column("pushes", sa.Integer, nullable=False),
        sa.Column("dropped", sa.Integer, nullable=False),
        sa.Column("doubt", LABEL),
        sa.Column("poll_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_subscriptions_next", "subscriptions", ["next_at"])
    op.create_index("ix_subscriptions_source", "subscriptions", ["source_id"])
    op.create_table(
        "payloads",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("token", LABEL, nullable=False),
        sa.Column("source_id", LABEL, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("content_type", LABEL),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("taken_until", sa.BigInteger),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
