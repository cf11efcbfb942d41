"""The first schema. Written out, not taken from tables.py: history must not move with the present."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_sources()
    _create_entries()
    _create_articles()


def _create_sources() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("value", sa.String, nullable=False),
    )
    op.create_table(
        "hosts",
        sa.Column("host", sa.String, primary_key=True),
        sa.Column("lease_token", sa.String),
        sa.Column("lease_owner", sa.String),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("not_before", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sources",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("configured", sa.Boolean, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("poll_url", sa.String, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("disabled_at", sa.BigInteger),
        sa.Column("pace", sa.JSON, nullable=False),
        sa.Column("content", sa.String, nullable=False),
        sa.Column("placing", sa.LargeBinary, nullable=False),
        sa.Column("reading", sa.LargeBinary, nullable=False),
        sa.Column("site_url", sa.String),
        sa.Column("icon_url", sa.String),
        sa.Column("etag", sa.String),
        sa.Column("last_modified", sa.String),
        sa.Column("body_hash", sa.LargeBinary),
        sa.Column("next_poll_at", sa.BigInteger, nullable=False),
        sa.Column("last_polled_at", sa.BigInteger),
        sa.Column("last_success_at", sa.BigInteger),
        sa.Column("last_read_at", sa.BigInteger),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("last_error", sa.String),
        sa.Column("problems", sa.JSON, nullable=False),
        sa.Column("skipped", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sources_due", "sources", ["host", "next_poll_at"])


def _create_entries() -> None:
    op.create_table(
        "entries",
        sa.Column("id", BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("source_id", sa.String, nullable=False),
        sa.Column("guid", sa.String, nullable=False),
        sa.Column("article_id", sa.BigInteger, nullable=False),
        sa.Column("article_rule", sa.String, nullable=False),
        sa.Column("article_evidence", sa.String, nullable=False),
        sa.Column("section", sa.String, nullable=False),
        sa.Column("section_rule", sa.String, nullable=False),
        sa.Column("section_evidence", sa.String, nullable=False),
        sa.Column("url_key", sa.BigInteger),
        sa.Column("title_key", sa.BigInteger, nullable=False),
        sa.Column("text_key", sa.BigInteger),
        sa.Column("raw_hash", sa.LargeBinary, nullable=False),
        sa.Column("content_hash", sa.LargeBinary, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("lang", sa.String, nullable=False),
        sa.Column("dir", sa.String, nullable=False),
        sa.Column("url", sa.String),
        sa.Column("title", sa.String, nullable=False),
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
        "revisions",
        sa.Column("entry_id", sa.BigInteger, primary_key=True),
        sa.Column("replaced_at", sa.BigInteger, primary_key=True),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("url", sa.String),
        sa.Column("content_html", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tombstones",
        sa.Column("entry_id", BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("source_id", sa.String, nullable=False),
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
    )
    op.create_index("ix_articles_first_seen", "articles", ["first_seen_at"])
    op.create_table(
        "article_sections",
        sa.Column("section", sa.String, primary_key=True),
        sa.Column("published_at", sa.BigInteger, primary_key=True),
        sa.Column("article_id", sa.BigInteger, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_article_sections_article", "article_sections", ["article_id"])
