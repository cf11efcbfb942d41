"""Words to search articles by.

Whatever is stored already is indexed by the processes that poll, in small steps: in here it would hold
up the start of a large store for a minute.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LABEL = sa.String().with_variant(sa.String(collation="C"), "postgresql")

# The words are folded and parted by single spaces. "ascii" takes all beyond ASCII for letters: no table of
# Unicode's can take a mark or a new letter for the end of a word.
SQLITE_INDEX = """
CREATE VIRTUAL TABLE search_index USING fts5(
    title, body, places, content='search_texts', content_rowid='id',
    tokenize='ascii'
)
"""
SQLITE_REMOVE = (
    "INSERT INTO search_index(search_index, rowid, title, body, places) "
    "VALUES ('delete', old.id, old.title, old.body, old.places);"
)
SQLITE_ADD = (
    "INSERT INTO search_index(rowid, title, body, places) VALUES (new.id, new.title, new.body, new.places);"
)
# The places stand between the two so that no phrase begins in a title and ends in the text below.
POSTGRESQL_COLUMN = """
ALTER TABLE search_texts ADD COLUMN words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', places), 'D')
    || setweight(to_tsvector('simple', body), 'B')
) STORED
"""


def upgrade() -> None:
    op.create_table(
        "search_texts",
        sa.Column("id", BIG_ID, primary_key=True, autoincrement=False),
        sa.Column("article_id", sa.BigInteger, nullable=False),
        sa.Column("lang", LABEL, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("places", sa.Text, nullable=False),
    )
    op.create_index("ix_search_texts_article", "search_texts", ["article_id"], unique=True)
    op.create_index("ix_search_texts_lang", "search_texts", ["lang"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(SQLITE_INDEX)
        # Merging seldom costs a quarter less for each entry, and a search next to nothing.
        op.execute("INSERT INTO search_index(search_index, rank) VALUES ('automerge', 8)")
        for event, actions in (
            ("INSERT", SQLITE_ADD),
            ("DELETE", SQLITE_REMOVE),
            ("UPDATE", SQLITE_REMOVE + SQLITE_ADD),
        ):
            op.execute(
                f"CREATE TRIGGER search_texts_{event.lower()} AFTER {event} ON search_texts "
                f"BEGIN {actions} END"
            )
    else:
        op.execute(POSTGRESQL_COLUMN)
        op.execute("CREATE INDEX ix_search_texts_words ON search_texts USING gin (words)")
