"""Every error the aggregator raises on purpose; anything else is a bug and propagates.

    AggregatorError
    ├── ConfigError            config.toml is wrong; carries every problem at once
    ├── FetchError             one HTTP exchange failed; carries the URL
    │   ├── AddressRefused     the address may not be connected to (private, loopback, metadata ...)
    │   ├── FetchTimeout       a deadline passed: connecting, waiting for or reading the answer
    │   ├── BodyTooLarge       more decompressed bytes than [fetch] max_body_bytes
    │   ├── BadRedirect        too many redirects, or one to something that is not http(s) or to an odd port
    │   ├── BadEncoding        the body does not decode as its Content-Encoding says
    │   └── HttpStatusError    the server answered with a status that is no success
    ├── ParseError             a document could not be read; carries its URL
    │   ├── NotAFeed           it is something else: a web page, an empty body, plain text
    │   └── SandboxKilled      reading it broke a limit of time or memory
    ├── StoreError             the store cannot be used
    │   ├── SchemaMismatch     its schema is not the one this version needs
    │   └── LeaseLost          another process has taken over the host bucket; nothing was written
    ├── Interrupted            the process stops: what was begun is left as if it had not been
    ├── PortTaken              the web server cannot listen where it was told to
    ├── BadParameter           a request names a parameter that there is not, or a value that it may not have
    ├── NoSuchEntry            a command names an entry that is not stored
    ├── LearnerMissing         sections are to be learned, and scikit-learn is not installed
    ├── NothingPublished       there is no digest of a day on which nothing was published
    ├── MailFailed             a mail could not be handed in; nobody has got it
    ├── RulingRefused          what an admin asks to split or to merge cannot be
    └── PublishRefused         the site cannot be written as files; what stood there before stands

Messages are for admins: they name the thing, the limit and the cause, and where there is one, the cure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class AggregatorError(Exception):
    """The root: whoever catches it catches all that the aggregator raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        # Errors come out of worker processes; keyword-only arguments do not pickle by themselves.
        return _rebuild, (type(self), self.args, self.__dict__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a configuration file; lines and columns count from 1, in characters."""

    file: str
    line: int
    column: int
    key: str  # dotted; "syntax" or "file" where it is no key's fault
    message: str  # what is wrong
    cure: str  # what to write instead

    def __str__(self) -> str:
        cure = f"; {self.cure}" if self.cure else ""
        return f"{self.file}:{self.line}:{self.column}: {self.key}: {self.message}{cure}"


class ConfigError(AggregatorError):
    """All that is wrong with a configuration file.

    `problems` holds one ready-made line each: `file:line:column: key: what is wrong; what to write`.
    `details` holds the same in parts, of all that a file is to blame for.
    """

    def __init__(self, problems: Sequence[Problem | str]) -> None:
        self.problems = tuple(map(str, problems))
        self.details = tuple(problem for problem in problems if isinstance(problem, Problem))
        super().__init__("\n".join(self.problems))


class FetchError(AggregatorError):
    """One HTTP exchange failed. `url` is the URL that failed, after redirects."""

    def __init__(self, message: str, *, url: str) -> None:
        super().__init__(message)
        self.url = url


class AddressRefused(FetchError):
    """The address may not be connected to."""


class FetchTimeout(FetchError):
    """A deadline passed."""


class BodyTooLarge(FetchError):
    """The decompressed body exceeds the limit."""


class BadRedirect(FetchError):
    """Too many redirects, or one that may not be followed."""


class BadEncoding(FetchError):
    """The body does not decode as its Content-Encoding says."""


class HttpStatusError(FetchError):
    """The server answered with `status`, which is neither a success nor 304."""

    def __init__(self, message: str, *, url: str, status: int) -> None:
        super().__init__(message, url=url)
        self.status = status


class ParseError(AggregatorError):
    """A document could not be read. `url` is where it came from."""

    def __init__(self, message: str, *, url: str) -> None:
        super().__init__(message)
        self.url = url


class NotAFeed(ParseError):
    """The document is something else than a feed; `feeds` are the URLs of those that a web page names."""

    def __init__(self, message: str, *, url: str, feeds: tuple[str, ...] = ()) -> None:
        super().__init__(message, url=url)
        self.feeds = feeds


class SandboxKilled(ParseError):
    """Reading the document broke a limit of time or memory; the worker was killed."""


class StoreError(AggregatorError):
    """The store cannot be used."""


class SchemaMismatch(StoreError):
    """The schema of the store is not the one this version needs."""


class LeaseLost(StoreError):
    """Another process has taken over the host bucket; the transaction was rolled back."""


class Interrupted(AggregatorError, RuntimeError):
    """The process stops and does not wait for this; it will be done again, nothing of it is recorded."""


class PortTaken(AggregatorError):
    """The web server cannot listen where it was told to."""


class BadParameter(AggregatorError):
    """A request names a parameter that there is not, or gives it a value that it may not have."""


class NoSuchEntry(AggregatorError):
    """A command names an entry that is not stored."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(
            f'no entry "{entry_id}" is stored: aggregator entries --json lists them, each with its id'
        )


class LearnerMissing(AggregatorError):
    """Sections are to be learned from content, and the library that learns is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "guess_sections needs scikit-learn, which is not installed: pip install 'aggregator[learn]', or "
            "set guess_sections = false; until then what no rule places stays in the section of its source"
        )


class NothingPublished(AggregatorError):
    """A digest is asked for of a day on which its edition has no articles."""


class MailFailed(AggregatorError):
    """A mail could not be handed in: the server has taken it for nobody."""


class RulingRefused(AggregatorError):
    """What an admin asks to split or to merge cannot be; the message says what can."""


class PublishRefused(AggregatorError):
    """The site cannot be written as files where it was asked for; what stood there before still stands."""


def _rebuild(
    kind: type[AggregatorError], args: tuple[object, ...], values: dict[str, object]
) -> AggregatorError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(values)
    return error
