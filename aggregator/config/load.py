"""Reading the file itself: bytes to text to TOML, each failure in plain words with its line."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from aggregator.errors import ConfigError

from .build import build_settings
from .positions import list_positions
from .problems import START, Report, build_problem
from .settings import Settings
from .tables import Context

CURE = "start from the config.toml that comes with the aggregator, or name another file with --config PATH"

# What tomllib says, and what an admin needs to hear. The first that fits; None of its words are ours.
SYNTAX = (
    (r"Invalid value \(at end", 'the file ends inside a value; write what is missing, often "]" or "}"'),
    (r"Expected '=' after a key", 'a key has no "=" after it; write key = "value"'),
    (r"Invalid value", 'this is no value; write texts in double quotes: "20m"'),
    (r"Cannot declare|Cannot overwrite|Duplicate inline", "this key or table stands twice; keep one of them"),
    (r"Cannot mutate|Cannot redefine", "this table was closed before; write all its keys in one place"),
    (r"Unclosed array", 'a list is not closed; write "]" at its end'),
    (r"Unclosed inline table", 'a table is not closed; write "}" at its end'),
    (r"Unterminated string|Illegal character '\\n'", "a text is not closed; write a quote at its end"),
    (r"Illegal character|Found invalid character", "a control character stands here; remove it"),
    (
        r"Unescaped '\\\\'|escape",
        r'a backslash means something in double quotes; write "\\" or use single quotes',
    ),
    (r"Expected ']", 'the header of a table is not closed; write "[name]" or "[[name]]"'),
    (r"Expected newline", "something stands after the value; write one key = value on each line"),
    (r"Invalid (initial|statement)", 'this is no key and no table; write key = "value" or [name]'),
    (
        r"Invalid date|Invalid hex",
        "this value is no date or number that exists; write texts in double quotes",
    ),
)


def load_settings(path: Path, *, environ: Mapping[str, str]) -> Settings:
    """Reads a configuration file and everything it refers to.

    `environ` gives the values of `env:NAME` and AGGREGATOR_STORE_URL. Raises ConfigError with all problems at
    once, by line; also when the file is missing, not readable or not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise _build_error(path, f"there is no such file; {CURE}") from None
    except IsADirectoryError:
        raise _build_error(path, f"is a folder; {CURE}") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "bad file name").lower()
        raise _build_error(path, f"cannot be read ({reason}); mend that, or {CURE}") from None
    try:
        text = raw.decode("utf-8-sig")  # Windows editors put a byte order mark in front
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig").split("\n")
        position = len(before), len(before[-1]) + 1
        raise _build_error(path, "is not UTF-8 here; save the file as UTF-8", position) from None
    return parse_settings(text, path=path, environ=environ)


def digest_file(path: Path) -> str:
    """Tells one state of a file from another; of one that cannot be read, nothing."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return ""


def parse_settings(text: str, *, path: Path, environ: Mapping[str, str]) -> Settings:
    """The same for a text in hand; `path` names it in messages, and relative files are beside it."""
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _build_syntax_error(str(error), text, path) from None
    report = Report(str(path), lambda: list_positions(text))
    folder = path.parent.absolute()
    return build_settings(raw, path, Context(report=report, environ=environ, folder=folder))


def _build_error(path: Path, message: str, position: tuple[int, int] = START) -> ConfigError:
    return ConfigError((build_problem(str(path), position, "file", message),))


def _build_syntax_error(message: str, text: str, path: Path) -> ConfigError:
    position = START
    if at := re.search(r"\(at line (\d+), column (\d+)", message):
        position = int(at[1]), int(at[2])
    elif "end of document" in message:
        rows = text.rstrip().split("\n")
        position = len(rows), len(rows[-1]) + 1
    words = next((words for pattern, words in SYNTAX if re.search(pattern, message)), None)
    if words is None:
        words = "this is no TOML that can be read; see https://toml.io, or make it simpler"
    return ConfigError((build_problem(str(path), position, "syntax", words),))
