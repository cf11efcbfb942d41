"""Logging to standard error: one line a record, UTC, and no credentials in it."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

FORMS = ("text", "json")  # the first is the default

HIDDEN = "***"
_FIELDS = ("source", "bucket", "lease")  # what records may carry besides (`extra=`)
_USERINFO = re.compile(r"(://)[^\s/?#\"'<>]+@")
_SECRET_PARAMETER = re.compile(
    r"([?&;#][\w.%\[\]-]{0,64}(?:token|key|secret|password|passwd|pwd|signature|sig|credential)=)"
    r"[^&;#\s\"'<>]+",
    re.IGNORECASE,
)
_LINE_BREAKERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# They tell at INFO what they do every second.
_CHATTY = ("apscheduler", "alembic", "watchfiles")


def setup_logging(level: str, *, form: str = FORMS[0]) -> None:
    """Send every record of `level` ("info", "DEBUG" ...) and above to standard error; again replaces.

    `form` is one of FORMS. Raises ValueError for a level that does not exist.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"no such log level: {level!r}; write debug, info, warning, error or critical")
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _LineHandler):
            root.removeHandler(handler)
    root.addHandler(_LineHandler(_JsonFormatter() if form == "json" else _LineFormatter()))
    root.setLevel(number)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(number if number <= logging.DEBUG else max(number, logging.WARNING))


def redact(text: str) -> str:
    """The text without the credentials in its URLs.

    Hidden are user name and password before the host, and the values of parameters whose name ends in
    token, key, secret, password, signature or the like.
    """
    return _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", _USERINFO.sub(rf"\1{HIDDEN}@", text))


class _RedactFilter(logging.Filter):
    """Rewrites the record itself, so that no formatter behind it sees the credentials either."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(_message(record))
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


class _LineFormatter(logging.Formatter):
    """`2026-11-24T10:30:00.123Z INFO aggregator.fetch: message`; line ends and controls are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        parts = [record.getMessage(), record.exc_text or "", record.stack_info or ""]
        text = _LINE_BREAKERS.sub(_escape, "\n".join(part for part in parts if part))
        return f"{at.removesuffix('+00:00')}Z {record.levelname} {record.name}: {text}"


class _JsonFormatter(logging.Formatter):
    """One object a line: `at level logger message`, and of those below what the record has."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        values = {"at": f"{at.removesuffix('+00:00')}Z", "level": record.levelname, "logger": record.name}
        values["message"] = record.getMessage()
        values |= {name: str(value) for name in _FIELDS if (value := getattr(record, name, None)) is not None}
        trace = "\n".join(part for part in (record.exc_text, record.stack_info) if part)
        return json.dumps(values | ({"trace": trace} if trace else {}), ensure_ascii=False)


class _LineHandler(logging.StreamHandler):  # type: ignore[type-arg]
    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__(sys.stderr)
        self.addFilter(_RedactFilter())
        self.setFormatter(formatter)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit the message: the record must still be seen
        return f"{record.msg} {record.args!r}"


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")
