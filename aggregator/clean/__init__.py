"""Clean: what a document says -> entries that are safe to publish as they stand."""
