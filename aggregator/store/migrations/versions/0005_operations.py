"""What running processes tell each other and admins."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    pass
