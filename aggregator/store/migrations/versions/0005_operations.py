"""What running processes tell each other and admins."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

LABEL = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("owner", LABEL, primary_key=True),
        sa.Column("polls", sa.Boolean, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("beat_at", sa.BigInteger, nullable=False),
        sa.Column("config_number", sa.Integer, nullable=False),
        sa.Column("config_digest", LABEL, nullable=False),
        sa.Column("configured_at", sa.BigInteger, nullable=False),
        sa.Column("config_problems", sa.JSON, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "counters",
        sa.Column("name", LABEL, primary_key=True),
        sa.Column("labels", LABEL, primary_key=True),
        sa.Column("value", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
