"""Which digests have been sent, or are to be sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

LABEL = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "digests",
        sa.Column("edition", LABEL, primary_key=True),
        sa.Column("day", LABEL, primary_key=True),
        sa.Column("claimed_at", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("error", LABEL),
        sa.Column("attempts", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
