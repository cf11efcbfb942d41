"""What our own WebSub hub knows: who subscribed to which feed, and what it owes them."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    pass
