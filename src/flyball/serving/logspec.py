"""How an endpoint's answers are kept: what a user declares, and what a server is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

import msgspec

from flyball.core.duration import parse_duration
from flyball.serving.errors import LogSpecError

Overload: TypeAlias = Literal["block", "shed", "sample"]
LEAST_KEPT = timedelta(days=1)


class LogPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a model server must know of the declaration: see `prediction_log`."""

    fsync: bool = False
    overload: Overload = "block"
    mask: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()

    @property
    def hidden(self) -> frozenset[str]:
        """The columns that do not stand in the log as they came."""
        return frozenset((*self.mask, *self.hash))

    @property
    def hides(self) -> bool:
        """Whether some column does not stand in the log as it came."""
        return bool(self.mask or self.hash)


PLAIN = LogPlan()
"""What is not declared."""


@dataclass(frozen=True, slots=True)
class LogSpec:
    """What `prediction_log` was told; `keep` None is for ever."""

    plan: LogPlan
    keep: timedelta | None = None


def prediction_log(
    *, fsync: bool = False, overload: Overload = "block", mask: Sequence[str] = (), hash: Sequence[str] = (), keep: str | None = None  # noqa: A002  as it is called beside `mask`
) -> LogSpec:  # fmt: skip
    """How the answers of a model's endpoint are kept.

    `fsync`: an answer leaves when its record is on the disk, so that it outlives a power cut too; without it, the death of every process.
    `overload` says what happens to requests whose record finds no room: "block" refuses them (503); "shed" answers them and counts what is
    lost; "sample" keeps fewer and fewer records from when half of the room is taken, and then sheds. Of the request's columns those in
    `mask` stand in the log as null, those in `hash` as a digest under the home's own key, equal for equal values. Rows older than `keep`
    are deleted.

    >>> prediction_log(mask=["name"], keep="400d").keep
    datetime.timedelta(days=400)

    Raises:
        LogSpecError: a policy that there is not, a column named twice, or less than a day to keep.
        DurationError: `keep` is no duration.
    """
    if overload not in get_args(Overload):
        raise LogSpecError(f"`overload` is one of {', '.join(get_args(Overload))}, not {overload!r}")
    hidden = [*_listed("mask", mask), *_listed("hash", hash)]
    if twice := sorted({name for name in hidden if hidden.count(name) > 1}):
        raise LogSpecError(f"{', '.join(map(repr, twice))} is named twice; a column is masked or hashed")
    kept = None if keep is None else parse_duration(keep)
    if kept is not None and kept < LEAST_KEPT:
        raise LogSpecError(f"`keep` is a day at least, not {keep!r}")
    return LogSpec(LogPlan(fsync=fsync, overload=overload, mask=tuple(mask), hash=tuple(hash)), kept)


def _listed(name: str, columns: Sequence[str]) -> Sequence[str]:
    if isinstance(columns, str):
        raise LogSpecError(f"`{name}` is a list of columns: write {name}=[{columns!r}]")
    return columns
