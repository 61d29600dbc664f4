"""How every process of ours logs: lines for people, or one JSON object per line for machines.

The form goes down to processes that we start in the environment, so that the whole family speaks one. Never a secret and never a
row: what is logged is what we say ourselves.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from flyball.core.errors import FlyballError, InvalidError

VARIABLE = "FLYBALL_LOG_FORMAT"
TEXT, JSON = "text", "json"
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
AROUND: ContextVar[Mapping[str, str]] = ContextVar("around", default={})  # noqa: B039 - nobody changes it
"""What a line belongs to, as a trace; it stands in each line as JSON."""


class LogFormatError(InvalidError):
    """A form of log lines that there is not."""

    code = "log-format"

    def __init__(self, found: str) -> None:
        super().__init__(f"--log-format is {found[:40]!r}, but must be {TEXT!r} or {JSON!r}. {VARIABLE} says the same.")


class JsonLines(logging.Formatter):
    """A record as one JSON object on one line: time (UTC), level, logger, message, process and pid; what was given as `extra` as well."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found: dict[str, Any] = {
            "time": moment, "level": record.levelname, "logger": record.name, "message": record.getMessage(), "process": self._process,
            "pid": record.process, **AROUND.get(),
        }  # fmt: skip
        found |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return json.dumps(found, ensure_ascii=False, default=str)


def chosen(environment: Mapping[str, str] = os.environ) -> str:
    """The form that the environment asks for.

    Raises:
        LogFormatError: there is no such form.
    """
    found = environment.get(VARIABLE, "").strip().lower() or TEXT
    if found not in {TEXT, JSON}:
        raise LogFormatError(found)
    return found


def choose(form: str) -> None:
    """This process, and those that it starts from now on, log in that form.

    Raises:
        LogFormatError: there is no such form.
    """
    os.environ[VARIABLE] = chosen({VARIABLE: form})


def set_up(process: str, *, level: int = logging.INFO) -> None:
    """The process logs to standard error, as `process`, in the form that the environment asks for; errors that end it are lines too.

    Of libraries only warnings are lines: some tell every request with its address.

    Raises:
        LogFormatError: there is no such form.
    """
    others, form = max(level, logging.WARNING), chosen()
    logging.getLogger("flyball").setLevel(level)
    if form == TEXT:
        logging.basicConfig(level=others, format=_LINE)
        return
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(process))
    logging.basicConfig(level=others, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = lambda *raised: _told(raised)


def tell(error: FlyballError, *, before: str = "") -> None:
    """Why the process ends, as its last words on standard error."""
    if chosen() == JSON:
        logging.getLogger("flyball").critical("%s%s", before, error, extra={"code": error.code})
    else:
        sys.stderr.write(f"{before}{error}\n")


def words(line: str) -> str:
    """What a line of a log says, in whichever form it is.

    >>> words('{"level": "ERROR", "message": "The port is taken."}'), words("The port is taken.")
    ('The port is taken.', 'The port is taken.')
    """
    try:
        found = json.loads(line) if line.startswith("{") else None
    except ValueError:
        return line
    return str(found["message"]) if isinstance(found, dict) and "message" in found else line


def _told(raised: tuple[type[BaseException], BaseException, TracebackType | None]) -> None:
    kind, error, _ = raised
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(*raised)
        return
    logging.getLogger("flyball").critical("%s: %s", kind.__name__, error, exc_info=raised)
