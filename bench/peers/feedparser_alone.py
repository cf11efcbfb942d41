"""The floor of whatever is built on feedparser: it fetches and parses, and keeps nothing but validators.

python feedparser_alone.py STATE URL...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import feedparser


def main() -> None:
    state = Path(sys.argv[1])
    tags: dict[str, str | None] = json.loads(state.read_text()) if state.exists() else {}
    count = 0
    for url in sys.argv[2:]:
        document = feedparser.parse(url, etag=tags.get(url))
        count += len(document.entries)
        if document.status != 304:
            tags[url] = document.get("etag")
    state.write_text(json.dumps(tags))
    print(count)


if __name__ == "__main__":
    main()
