"""The icons of sources' sites."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

LABEL = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "icons",
        sa.Column("source_id", LABEL, primary_key=True),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("name", LABEL),
        sa.Column("body", sa.LargeBinary),
        sa.Column("error", LABEL),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_icons_name", "icons", ["name"])
