"""The port behind which every source stands: what lies there now, in parts, and their rows in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import polars as pl

from flyball.core.ids import Digest
from flyball.data.declared.source import Source
from flyball.data.derivation.inputs import Inputs
from flyball.data.inplace.model import Placed
from flyball.data.model import SourceFile


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What versions hold of a source already: the digests of the parts, and where the last pull ended, None before the first."""

    digests: frozenset[Digest] = frozenset()
    position: str | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a source is opened with: the directory that paths are relative to, one for its scratch files, and the environment.

    Secrets are named by environment variables in declarations and read from `environment` when a source is opened. `dataset` is
    the name of the dataset that is read, for what is told of it; `inputs` is where derived datasets read those that they come from.
    """

    root: Path
    scratch: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    dataset: str = ""
    inputs: Inputs | None = None


class OpenSource(Protocol):
    """A source while it is read, by one thread. `find`, then `read` each part at most once, then `check_unchanged`.

    A part is whole and stays what its digest says: what has no stable content of its own (a query's answer, a stream, a
    generator) is first written to scratch. Two parts of equal digest have equal rows. Every failure is a FlyballError that
    names the place, and changes nothing at the source.
    """

    def find(self, seen: Seen) -> Sequence[SourceFile]:
        """The parts that lie there now, in the order in which they are to be read; a part that was seen may be left out.

        Raises:
            SourceMissingError: there is no such place.
            SourceDeniedError: it cannot be read.
            SourceChangedError: it changed meanwhile.
        """
        ...

    def read(self, part: SourceFile) -> Iterator[pl.DataFrame]:
        """The part's rows as they are there, in order, in frames of bounded size; all frames of a part have the same columns.

        Raises:
            SourceChangedError: the part is not what was found.
            FlyballError: it cannot be read as what it says it is.
        """
        ...

    def check_unchanged(self) -> None:
        """All parts that were found are still what was read.

        Raises:
            SourceChangedError: one is not.
        """
        ...

    def acknowledge(self) -> None:
        """A version holds every part that was found: the place may forget them. Repeatable; never called before that is recorded."""
        ...

    def close(self) -> None:
        """Let go of everything, scratch files included; idempotent."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


@runtime_checkable
class InPlace(Protocol):
    """What a source whose rows stay where they are can tell as well."""

    def place_of(self, part: SourceFile) -> Placed:
        """Where a part that was found lies: a Parquet file on this machine, whose rows are those that `read` gives, in their order."""
        ...


Opener = Callable[[Source, Surroundings], OpenSource]
"""Opens a source of any kind; nothing is read yet."""
