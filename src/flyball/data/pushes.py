"""What is remembered of rows that were pushed: how far they are applied, and which idempotency keys were answered how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from flyball.core.ids import Digest

Offsets = frozenset[str]
"""Messages of a stream, by where they stand in it."""

REMEMBERED = 100_000  # so many later pushes to a dataset until a key is forgotten


@dataclass(frozen=True, kw_only=True)
class Push:
    """The answer that a push with an idempotency key got; `digest` is of its rows, `quarantined` holds rows (from 1) and reasons."""

    key: str
    digest: Digest
    position: int
    accepted: int
    quarantined: tuple[tuple[int, str], ...]
    unexpected: tuple[str, ...]


class PushStore(Protocol):
    """A dataset's position only grows, and a key keeps its first answer until 100,000 later positions.

    Writes join the transaction that is open in their thread. Thread- and process-safe.
    """

    def get_position(self, dataset: str) -> int:
        """The last position of the dataset's journal that is applied; 0 at first."""
        ...

    def find(self, dataset: str, key: str) -> Push | None:
        """The push of that key, as it was recorded, or None."""
        ...

    def find_offsets(self, dataset: str, stream: str) -> Offsets | None:
        """The messages of the stream that were recorded last, or None."""
        ...

    def create(self, dataset: str, position: int, *, pushes: Sequence[Push], offsets: Mapping[str, Offsets] | None = None) -> None:
        """Everything up to `position` is applied, `pushes` among it; a lower position, or a key that is there, changes nothing.

        Of each stream in `offsets` these are the last messages from now on.
        """
        ...
