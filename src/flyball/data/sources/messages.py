"""The port of streams: messages that come one after another, are handed out until they are acknowledged, and say where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came: its place in the stream, which is never another's, and its named parts.

    `fields` is None where the stream forgot the message before anybody read it.
    """

    offset: str
    fields: Mapping[str, bytes] | None


class MessageSource(Protocol):
    """One group's way through one stream: every message is handed out at least once, until it is acknowledged.

    What was handed out and not acknowledged comes again: after an error, after a new opening in whatever process, and before what
    is new. Within one opening without errors nothing comes twice. Messages of one place come in the order in which they were sent;
    a stream of several places (partitions) may mix them. One reader a group; not thread-safe. Nothing is lost by a reader's death.
    """

    def read(self, limit: int, *, wait_seconds: float) -> Sequence[Message]:
        """At most `limit` messages; none, when none came within `wait_seconds`.

        Raises:
            UnavailableError: the stream cannot be reached; to read again later goes on.
            InvalidError: there is no stream of messages at that place.
        """
        ...

    def acknowledge(self, offsets: Sequence[str]) -> None:
        """These are kept, and never come again. Repeatable; what is acknowledged already, or is not there, changes nothing.

        Raises:
            UnavailableError: the stream cannot be reached; they may come again.
        """
        ...

    def close(self) -> None:
        """Let go of the connection; idempotent."""
        ...
