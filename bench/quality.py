"""How well copies are found: real articles posted as feeds, polled by the real command, read back and scored.

    python bench/quality.py [--words N] [--pairs FILE...]

The material is in ../shared/data (see its README); without it this says so and ends. The Arabic outlets are
one source each, a document a day. With --words N each item is its title and its first N words. Scores are

- of the pairs judged by hand: F1 of duplicates against different ones, by their weights, and how many
  look-alikes (one template, two events) were merged;
- of the silver pairs (word-3-gram containment of the texts >= 0.5 within 72 h, both of 25 words or more):
  recall and precision over all pairs of entries that share an article. Containment is no equivalence, so no
  partition has all of it: hill climbing on the silver pairs themselves ends at recall 0.93, precision 0.95;
- of the English story clusters: B-cubed F1, posted in one document and in four.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from aggregator.demo.documents import DemoFeed, DemoItem, render_document
from aggregator.demo.publisher import Publisher
from aggregator.text import fold

DATA = Path(__file__).parents[2] / "shared" / "data"
WINDOW_HOURS = 72
SILVER = 0.5
LEAST_WORDS = 25
COMMON_TRIPLE = 400  # holders of one triple beyond which it nominates no pair

Row = dict[str, Any]
Pair = tuple[str, str]


def main() -> None:
    options = _read_options()
    if not DATA.exists():
        sys.exit(f"{DATA} is not there: this bench scores real articles and has none of its own")
    rows = read_rows(DATA / "arabic-news.jsonl.gz")
    started = time.perf_counter()
    articles = post_and_read_back(rows, words=options.words)
    seconds = time.perf_counter() - started
    print(f"{len(rows)} entries, {len(set(articles.values()))} articles, {seconds:.0f} s")
    for name in options.pairs:
        score_judged(Path(name), articles)
    score_silver(rows, articles)
    for parts in (1, 4):
        score_stories(words=options.words, parts=parts)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--words", type=int)
    parser.add_argument("--pairs", nargs="*", default=[str(DATA / "arabic-pairs.jsonl")])
    return parser.parse_args()


def read_rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return sorted(map(json.loads, lines), key=lambda row: row["seen_at"])


# --- through the pipeline --------------------------------------------------------------------------


def post_and_read_back(rows: Sequence[Row], *, words: int | None) -> dict[str, str]:
    """The article of every row, by the row's id."""
    days: defaultdict[str, defaultdict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        days[row["seen_at"][:10]][row["outlet"]].append(row)
    outlets = sorted({row["outlet"] for row in rows})
    entries = post(outlets, [posted for _, posted in sorted(days.items())], lang="ar", words=words)
    return {entry["guid"]: entry["article"] for entry in entries}


def post(
    outlets: Sequence[str], steps: Sequence[Mapping[str, Sequence[Row]]], *, lang: str, words: int | None
) -> list[Row]:
    """Post a document per outlet at each step and poll it; all entries in the end."""
    with tempfile.TemporaryDirectory() as folder, Publisher() as publisher:
        config = Path(folder) / "config.toml"
        config.write_text(render_config(publisher, outlets, lang), encoding="utf-8")
        for outlet in outlets:
            publish(publisher, outlet, [], lang=lang, words=words)
        for posted in steps:
            for outlet, rows in posted.items():
                publish(publisher, outlet, rows, lang=lang, words=words)
            run("poll", "--all", config=config)
        return [json.loads(line) for line in run("entries", "--json", config=config).splitlines()]


def render_config(publisher: Publisher, outlets: Iterable[str], lang: str) -> str:
    parts = [
        f'[site]\ntitle = "Quality"\nurl = "http://127.0.0.1:8000"\neditions = ["{lang}"]',
        '[fetch]\nallow_networks = ["127.0.0.0/8"]\nhost_gap = "0s"\nmax_body_bytes = "50MB"',
        "[defaults]\nmax_entries = 5000",
        '[[section]]\nid = "world"\nname = "العالم"',
    ]
    parts += [
        f'[[source]]\nid = "{outlet}"\nname = "{outlet}"\nurl = "{publisher.url}/{outlet}"\nsection = "world"'
        for outlet in outlets
    ]
    return "\n\n".join(parts)


def publish(publisher: Publisher, outlet: str, rows: Sequence[Row], *, lang: str, words: int | None) -> None:
    feed = DemoFeed(
        title=outlet,
        link=f"https://{outlet}.example/",
        lang=lang,
        items=tuple(make_item(row, words) for row in rows),
    )
    publisher.publish(f"/{outlet}", render_document("rss20", feed), content_type="application/rss+xml")


def make_item(row: Row, words: int | None) -> DemoItem:
    at = datetime.fromisoformat(row["seen_at"])
    text = row["text"] if words is None else " ".join(row["text"].split()[:words])
    return DemoItem(
        guid=str(row["id"]),
        url=row["url"],
        title=row["title"],
        summary=text,
        html=f"<p>{escape(text)}</p>",
        author=row["author"] or "",
        categories=(),
        published_at=at,
        updated_at=at,
        image_url=None,
        enclosure=None,
    )


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def run(*arguments: str, config: Path) -> str:
    command = [sys.executable, "-m", "aggregator", *arguments, "--config", str(config)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# --- scores ----------------------------------------------------------------------------------------


def score_judged(path: Path, articles: Mapping[str, str]) -> None:
    counts: Counter[tuple[str, bool]] = Counter()
    weights: Counter[tuple[str, bool]] = Counter()
    merged_look_alikes = look_alikes = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        merged = articles[str(pair["a"])] == articles[str(pair["b"])]
        counts[pair["label"], merged] += 1
        weights[pair["label"], merged] += pair.get("weight", 1)
        look_alikes += bool(pair["lookalike"])
        merged_look_alikes += bool(pair["lookalike"]) and merged
    hit, missed = weights["duplicate", True], weights["duplicate", False]
    wrong = weights["different", True]
    print(
        f"{path.name}: F1 {2 * hit / (2 * hit + missed + wrong):.3f}, precision {hit / (hit + wrong):.3f}, "
        f"recall {hit / (hit + missed):.3f}; look-alikes merged {merged_look_alikes} of {look_alikes}"
    )
    for label in ("duplicate", "same-story", "different"):
        total = counts[label, True] + counts[label, False]
        print(f"  {label:10}: {counts[label, True]} of {total} merged")


def score_silver(rows: Sequence[Row], articles: Mapping[str, str]) -> None:
    silver = find_silver(rows)
    merged = list_merged(rows, articles)
    print(
        f"silver: {len(silver)} pairs, recall {len(silver & merged) / len(silver):.3f}, "
        f"precision {len(silver & merged) / len(merged):.3f} of {len(merged)} merged"
    )


def score_stories(*, words: int | None, parts: int) -> None:
    with gzip.open(DATA / "english-stories.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for number, row in enumerate(rows):
        at = datetime.fromisoformat(row["published_at"][:19]).replace(tzinfo=UTC)  # some have no zone
        row |= {"id": number, "author": "", "seen_at": at.isoformat()}
    steps = [{"press": rows[part::parts]} for part in range(parts)]
    found = {entry["guid"]: entry["story"] for entry in post(["press"], steps, lang="en", words=words)}
    pairs = [(row["story"], found[str(row["id"])]) for row in rows]
    truth, stories, both = Counter(t for t, _ in pairs), Counter(s for _, s in pairs), Counter(pairs)
    precision = sum(both[pair] / stories[pair[1]] for pair in pairs) / len(pairs)
    recall = sum(both[pair] / truth[pair[0]] for pair in pairs) / len(pairs)
    print(
        f"stories of {len(rows)} English articles in {parts} document(s): "
        f"B-cubed F1 {2 * precision * recall / (precision + recall):.3f}, "
        f"precision {precision:.3f}, recall {recall:.3f}"
    )


def find_silver(rows: Sequence[Row]) -> set[Pair]:
    kept = [row for row in rows if len(row["text"].split()) >= LEAST_WORDS]
    triples = [list_triples(row["text"]) for row in kept]
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    found: set[Pair] = set()
    for number, row in enumerate(kept):
        shared: Counter[int] = Counter()
        for triple in triples[number]:
            if len(holders[triple]) < COMMON_TRIPLE:
                shared.update(holders[triple])
            holders[triple].append(number)
        for other in shared:
            least = min(len(triples[number]), len(triples[other]))
            common = len(triples[number] & triples[other])
            if common >= SILVER * least and is_near(row, kept[other]):
                found.add(make_pair(row, kept[other]))
    return found


def list_triples(text: str) -> set[tuple[str, ...]]:
    words = fold(text).split()
    return set(zip(words, words[1:], words[2:], strict=False))


def list_merged(rows: Sequence[Row], articles: Mapping[str, str]) -> set[Pair]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if len(row["text"].split()) >= LEAST_WORDS:
            groups[articles[str(row["id"])]].append(row)
    return {
        make_pair(one, other)
        for group in groups.values()
        for one, other in combinations(group, 2)
        if is_near(one, other)
    }


def is_near(one: Row, other: Row) -> bool:
    apart = datetime.fromisoformat(one["seen_at"]) - datetime.fromisoformat(other["seen_at"])
    return abs(apart.total_seconds()) <= WINDOW_HOURS * 3600


def make_pair(one: Row, other: Row) -> Pair:
    first, second = sorted((str(one["id"]), str(other["id"])))
    return first, second


if __name__ == "__main__":
    main()
