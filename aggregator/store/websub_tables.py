"""The tables of WebSub: as a subscriber of other people's hubs, and as a hub of our own."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table

from aggregator.store.tables import BigId, Label, Seconds, UtcDateTime
from aggregator.store.tables import (
    metadata as metadata,  # handed on, so that whoever has it has these tables in it
)

# What we have agreed with hubs.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("token", Label, primary_key=True),
    Column("source_id", Label, nullable=False),
    Column("hub", Label, nullable=False),
    Column("topic", Label, nullable=False),
    Column("callback", Label, nullable=False),
    Column("secret", Label, nullable=False),
    Column("state", Label, nullable=False),  # pending, active, denied, ended
    Column("awaiting", Boolean, nullable=False),
    Column("asked_at", UtcDateTime),
    Column("next_at", UtcDateTime, nullable=False),
    Column("active_since", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("failures", Integer, nullable=False),
    Column("last_error", Label),
    Column("pushed_at", UtcDateTime),
    Column("pushes", Integer, nullable=False),
    Column("dropped", Integer, nullable=False),
    Column("doubt", Label),
    Column("poll_at", UtcDateTime),
    Index("ix_subscriptions_next", "next_at"),
    Index("ix_subscriptions_source", "source_id"),
    sqlite_with_rowid=False,
)

# Who is pushed our feeds by our own hub. What is owed is the present document, so none is kept here.
subscribers = Table(
    "subscribers",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("callback", Label, nullable=False),
    Column("topic", Label, nullable=False),
    Column("feed", Label, nullable=False),
    Column("host", Label, nullable=False),
    Column("secret", Label),
    Column("lease_until", UtcDateTime),  # NULL: nobody has verified it yet
    Column("delivered", LargeBinary),  # the digest of what it has
    Column("asked", Label),  # subscribe, unsubscribe; NULL: there is nothing to verify
    Column("asked_at", UtcDateTime, nullable=False),
    Column("asked_secret", Label),
    Column("asked_lease", Seconds, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("last_error", Label),
    Column("given_up_at", UtcDateTime),
    Column("next_at", UtcDateTime),  # when it is to be called next; NULL: it has all
    Column("owner", Label),  # the process that calls it, until next_at
    Index("ix_subscribers_callback", "callback", "topic", unique=True),
    Index("ix_subscribers_next", "next_at"),
    Index("ix_subscribers_feed", "feed"),
    Index("ix_subscribers_host", "host"),
)

# What the feeds that a hub pushes hold, and what a hub elsewhere was last told of.
topics = Table(
    "topics",
    metadata,
    Column("feed", Label, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("revision", BigInteger, nullable=False),  # of the store, when it held that
    Column("told", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# The hub elsewhere that is told of changes.
pings = Table(
    "pings",
    metadata,
    Column("hub", Label, primary_key=True),
    Column("next_at", UtcDateTime, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("last_error", Label),
    sqlite_with_rowid=False,
)

# What hubs have pushed, on its way from the web processes to the poller.
payloads = Table(
    "payloads",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("token", Label, nullable=False),
    Column("source_id", Label, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("content_type", Label),
    Column("size_bytes", Integer, nullable=False),
    Column("taken_until", UtcDateTime),  # some process reads it until then; NULL: nobody
    Column("body", LargeBinary, nullable=False),
)
