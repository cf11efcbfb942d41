"""What the texts of a source begin and end with."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("sources", sa.Column("boilerplate", sa.JSON))
