"""When an article went into another: feeds say so of those that have gone."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("redirects", sa.Column("withdrawn_at", sa.BigInteger))
