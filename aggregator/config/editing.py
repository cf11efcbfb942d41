"""Adding sources to config.toml: everything that stands in the file stays as it is, to the byte."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import unified_diff
from pathlib import Path
from urllib.parse import urlsplit

import tomlkit

from aggregator.errors import ConfigError
from aggregator.logs import redact
from aggregator.model import Source
from aggregator.urls import canonical_url

from .load import parse_settings
from .settings import Settings
from .values import check_source_url

_MARK = "\ufeff"  # Windows editors put a byte order mark in front
_MAX_ID_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A [[source]] to be written; the fields are its keys."""

    id: str
    name: str
    url: str
    section: str  # section reference


def read_config(path: Path) -> str:
    """The file's text with its byte order mark and its line ends."""
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def append_sources(text: str, sources: Sequence[NewSource]) -> str:
    """The text of a configuration with the sources at its end.

    tomlkit writes the new tables only: where [[section]] and [[source]] alternate, it would bring the whole
    file into another order, and carry comments to tables that they do not belong to.
    """
    end = "" if text.endswith("\n") or not text.removeprefix(_MARK) else "\n"
    tables = "".join(f"\n[[source]]\n{tomlkit.dumps(asdict(source))}" for source in sources)
    return text + f"{end}{tables}".replace("\n", "\r\n" if "\r\n" in text else "\n")


def draft_source(settings: Settings, url: str, *, section: str | None, environ: Mapping[str, str]) -> Source:
    """What a source of that URL would be if it stood in the file; of no section: in the first one there is.

    Raises ConfigError where the URL is none, or there is no section.
    """
    try:
        url = check_source_url(url)
    except ValueError as error:
        raise ConfigError((f"{redact(url)}: {error}",)) from None
    if not settings.site.sections:
        raise ConfigError((f"{settings.path}: there are no sections yet; add a [[section]]",))
    home = settings.get_section(section) if section else settings.site.sections[0]
    source_id = make_source_id(None, url, {source.id for source in settings.sources})
    new = NewSource(id=source_id, name=source_id, url=url, section=home.ref)
    text = append_sources(read_config(settings.path), [new])
    return check_config(text, path=settings.path, environ=environ).get_source(source_id)


def find_owner(settings: Settings, url: str) -> Source | None:
    """The source that has this URL, however it is spelled."""
    key = url_key(url)
    return next((source for source in settings.sources if url_key(source.url) == key), None)


def check_config(text: str, *, path: Path, environ: Mapping[str, str]) -> Settings:
    """What an edited text comes to. Raises ConfigError with all that would be wrong with it."""
    try:
        return parse_settings(text.removeprefix(_MARK), path=path, environ=environ)
    except ConfigError as error:
        broken = any(problem.key == "syntax" for problem in error.details)
        if broken and re.search(r"^source\s*=", text, re.MULTILINE):
            words = "source = [...] is one list, to which no table can be added"
            raise ConfigError((f"{path}: {words}; write each source as a table, [[source]]",)) from None
        raise


def save_config(text: str, *, path: Path, environ: Mapping[str, str]) -> Settings:
    """Check a text in full, then make it the file: a crash leaves the old one or the new one, whole.

    The file keeps its mode, and a link to it stays a link. Raises ConfigError, and then nothing is written.
    """
    settings = check_config(text, path=path, environ=environ)
    target = path.resolve()
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary = Path(file.name)
    temporary.chmod(target.stat().st_mode & 0o777)
    temporary.replace(target)
    return settings


def render_change(before: str, after: str, *, path: Path) -> str:
    """What changes, as a diff without the lines around it, which may hold secrets."""
    lines = unified_diff(
        before.splitlines(), after.splitlines(), f"{path}", f"{path} (new)", n=0, lineterm=""
    )
    return "\n".join(lines)


def url_key(url: str) -> str:
    """What two spellings of one feed's URL have in common."""
    return canonical_url(url) or url


def make_source_id(title: str | None, url: str, taken: Collection[str]) -> str:
    """An ASCII slug that is not taken: from the title where it has ASCII letters, else from the host."""
    slug = _slugify(title or "")
    if not any(c.isalpha() for c in slug):
        slug = _slugify((urlsplit(url).hostname or "").removeprefix("www.")) or "source"
    candidates = (slug if n == 1 else f"{slug}-{n}" for n in range(1, len(taken) + 2))
    return next(c for c in candidates if c not in taken)


def _slugify(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:_MAX_ID_CHARS].strip("-")
