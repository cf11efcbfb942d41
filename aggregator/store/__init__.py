"""The store: SQLAlchemy Core over SQLite; nothing outside this package sees a row."""

from aggregator.store.engine import Store, Transaction, open_store

__all__ = ["Store", "Transaction", "open_store"]
