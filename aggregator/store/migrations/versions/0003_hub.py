"""What our own WebSub hub knows: who subscribed to which feed, and what it owes them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

LABEL = sa.String().with_variant(sa.String(collation="C"), "postgresql")

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "subscribers",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("callback", LABEL, nullable=False),
        sa.Column("topic", LABEL, nullable=False),
        sa.Column("feed", LABEL, nullable=False),
        sa.Column("host", LABEL, nullable=False),
        sa.Column("secret", LABEL),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("delivered", sa.LargeBinary),
        sa.Column("asked", LABEL),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("asked_secret", LABEL),
        sa.Column("asked_lease", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("last_error", LABEL),
        sa.Column("given_up_at", sa.BigInteger),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("owner", LABEL),
    )
    op.create_index("ix_subscribers_callback", "subscribers", ["callback", "topic"], unique=True)
    for column in ("next_at", "feed", "host"):
        op.create_index(f"ix_subscribers_{column.removesuffix('_at')}", "subscribers", [column])
    op.create_table(
        "topics",
        sa.Column("feed", LABEL, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("told", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pings",
        sa.Column("hub", LABEL, primary_key=True),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", sa.BigInteger),
        sa.Column("last_error", LABEL),
        sqlite_with_rowid=False,
    )
