"""Judges of published feeds: what they complain of, as sentences. A good feed gets an empty list."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from tests.publish.atom_rules import complain_of_atom
from tests.publish.json_rules import complain_of_json
from tests.publish.rss_rules import complain_of_rss

GRAMMAR = Path(__file__).with_name("atom.rng")


def judge_feed(form: str, document: bytes, *, url: str, now: datetime) -> list[str]:
    """Everything there is to say against a document of the form `rss`, `atom` or `json`.

    `url` is where the document was found, `now` the latest that it may speak of.
    """
    if form == "json":
        return list(complain_of_json(document, url=url, now=now))
    try:
        root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        return [f"no XML: {error}"]
    if form == "rss":
        return list(complain_of_rss(root, document, url=url, now=now))
    return [*_complain_of_grammar(root), *complain_of_atom(root, url=url, now=now)]


def judge_with_xmllint(files: Sequence[Path]) -> str:
    """What libxml2's own program says of XML documents, "" if nothing."""
    command = ["xmllint", "--noout", "--nonet", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def _complain_of_grammar(root: Any) -> Iterator[str]:
    grammar = _load_grammar()
    if not grammar.validate(root):
        yield from (f"line {error.line} against RFC 4287: {error.message}" for error in grammar.error_log)


@cache
def _load_grammar() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(GRAMMAR))
