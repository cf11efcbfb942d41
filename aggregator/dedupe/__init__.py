"""Which entries are the same article: pure decisions over candidates that the store hands in."""
