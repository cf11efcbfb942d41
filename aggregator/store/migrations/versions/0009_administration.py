"""The last polls of a source, what nearly was one story, and the problems a webhook is told of."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

LABEL = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("sources", sa.Column("polls", LABEL))
    op.add_column("sources", sa.Column("not_before", sa.BigInteger))
    op.add_column("articles", sa.Column("story_near", sa.BigInteger))
    op.create_table(
        "problems",
        sa.Column("key", LABEL, primary_key=True),
        sa.Column("since", sa.BigInteger, primary_key=True),
        sa.Column("text", LABEL, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", LABEL),
        sqlite_with_rowid=False,
    )
