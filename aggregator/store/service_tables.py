"""The tables of what runs beside polling: servers, their figures, what is sent and fetched once for all."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, LargeBinary, Table

from aggregator.store.tables import Label, UtcDateTime
from aggregator.store.websub_tables import (
    metadata as metadata,  # of all tables: whoever compares or migrates needs the three modules
)

# The servers that run, what each is configured by, and what is wrong with what it was given since.
processes = Table(
    "processes",
    metadata,
    Column("owner", Label, primary_key=True),  # as in hosts.lease_owner
    Column("polls", Boolean, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("config_number", Integer, nullable=False),  # counts the configurations of this process from 1
    Column("config_digest", Label, nullable=False),
    Column("configured_at", UtcDateTime, nullable=False),
    Column("config_problems", JSON, nullable=False),
    sqlite_with_rowid=False,
)

# What /metrics counts, of all processes together.
counters = Table(
    "counters",
    metadata,
    Column("name", Label, primary_key=True),
    Column("labels", Label, primary_key=True),
    Column("value", Float, nullable=False),
    sqlite_with_rowid=False,
)

# What a webhook is told of: problems that have begun, until their end is told as well.
problems = Table(
    "problems",
    metadata,
    Column("key", Label, primary_key=True),
    Column("since", UtcDateTime, primary_key=True),
    Column("text", Label, nullable=False),
    Column("ended_at", UtcDateTime),  # NULL: it lasts
    Column("next_at", UtcDateTime),  # when to tell it, or to try again; NULL: told
    Column("attempts", Integer, nullable=False),
    Column("error", Label),  # why the latest attempt failed
    sqlite_with_rowid=False,
)

# The digests that are sent by e-mail, each once: whoever writes the row sends it.
digests = Table(
    "digests",
    metadata,
    Column("edition", Label, primary_key=True),
    Column("day", Label, primary_key=True),  # 2026-11-24, on the site's calendar
    Column("claimed_at", UtcDateTime, nullable=False),  # when the latest attempt began
    Column("sent_at", UtcDateTime),
    Column("error", Label),  # why the latest attempt failed; once sent, who did not take it
    Column("attempts", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The icons of sources' sites.
icons = Table(
    "icons",
    metadata,
    Column("source_id", Label, primary_key=True),
    Column("next_at", UtcDateTime, nullable=False),  # when its site is asked
    Column("name", Label),  # of its file: the hash of its bytes; NULL: there is none
    Column("body", LargeBinary),
    Column("error", Label),  # why the latest request brought none
    Index("ix_icons_name", "name"),
    sqlite_with_rowid=False,
)
