"""Bytes -> what they say: feeds (RSS, Atom, JSON Feed) and OPML; and the sandbox they are read in."""
