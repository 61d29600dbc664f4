"""Rows that come by themselves, as sources: pushed over HTTP, or read from a stream of messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from flyball.data.declared.source import Source
from flyball.data.errors import DatasetError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_MOST_CHARACTERS = 150


@dataclass(frozen=True)
class LiveSource(Source):
    """A source that has no parts to read: its rows are taken when they come, and first of all kept in the dataset's journal."""

    repeats: ClassVar[bool] = False


@dataclass(frozen=True)
class PushSource(LiveSource):
    """Whoever pushes rows over HTTP."""

    def describe(self) -> str:
        """What rows are sent by."""
        return "pushes"


@dataclass(frozen=True, kw_only=True)
class RedisStreamSource(LiveSource):
    """A stream of a Redis server whose address the environment variable `url_variable` has, read as the consumer group `group`.

    Each message is a row: its fields are the columns, as texts; or `field` is the one that holds the row as a JSON object.
    """

    url_variable: str
    stream: str
    group: str = "flyball"
    field: str | None = None

    def describe(self) -> str:
        """The stream and the group; the address stays in the environment."""
        return f"Redis stream {self.stream} for the group {self.group} at ${self.url_variable}"

    @property
    def name(self) -> str:
        """The stream's name among all that a dataset may have read: another group reads anew."""
        return f"redis:{self.stream}:{self.group}"


def push() -> PushSource:
    """The source of a dataset whose rows are pushed: `POST /api/v1/datasets/NAME/rows`. There are no files to read.

    Its contract is `contracts/NAME.yaml`, or inferred from the first rows that are pushed.
    """
    return PushSource()


def redis_stream(url_variable: str, stream: str, *, group: str = "flyball", field: str | None = None) -> RedisStreamSource:
    """The source that reads the Redis stream `stream`, of the server whose URL is in the environment variable `url_variable`.

    A consumer group of its own makes sure that each message is read; each is stored once. A message's fields are the columns, as
    texts, or `field` names the one that holds all of the row as a JSON object. What is no row goes to the table `deadletters.NAME`.

    Raises:
        DatasetError: a name that can never be right.
    """
    what = f"redis_stream({url_variable!r}, {stream!r})"
    if "://" in url_variable or not _VARIABLE.fullmatch(url_variable):
        raise DatasetError(what, "it takes the name of an environment variable that holds the URL, not the URL: it may hold a secret")
    for role, name in (("stream", stream), ("group", group), *([("field", field)] if field is not None else [])):
        if not name or len(name) > _MOST_CHARACTERS // 2 or not name.isprintable():
            raise DatasetError(what, f"the {role} {name[:40]!r} is no name of 1 to {_MOST_CHARACTERS // 2} printable characters")
    return RedisStreamSource(url_variable=url_variable, stream=stream, group=group, field=field)
