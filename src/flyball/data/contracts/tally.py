"""What rows that are taken come to, chunk by chunk: one fused select for each chunk, and a frame of one row that is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import polars as pl

from flyball.data.contracts.bins import Bins, bins
from flyball.data.contracts.blaming import blaming
from flyball.data.contracts.judging import Checked
from flyball.data.contracts.model import DistributionCheck, SkewCheck
from flyball.data.contracts.outcome import Context
from flyball.data.contracts.partials import Partial, merge, take
from flyball.data.contracts.promises import RowPromise
from flyball.data.contracts.wholes import ROWS, Whole
from flyball.data.profiles import Sketcher

_KEPT = 64  # one-row frames, before they are put together


@dataclass(frozen=True)
class Wholes:
    """What the promises about all rows need of each chunk; `bins` by the check that counts in them."""

    partials: tuple[Partial, ...]
    bins: dict[str, tuple[Bins, ...]]

    @classmethod
    def made(cls, wholes: Sequence[Whole], context: Context, *, schema: Mapping[str, pl.DataType]) -> Self:
        """The partials and the bins of `wholes`, where `context` has something to compare with."""
        served, reference = _sketched(context.served), _settled(context.reference)
        found: dict[str, tuple[Bins, ...]] = {}
        for whole in wholes:
            if isinstance(whole.spec, DistributionCheck):
                found[whole.check] = _bins(whole.check, (whole.spec.column,), reference=reference, schema=schema)
            elif isinstance(whole.spec, SkewCheck):
                found[whole.check] = _bins(whole.check, whole.spec.columns, reference=served, schema=schema)
        partials = [ROWS, *(partial for whole in wholes for partial in whole.partials())]
        partials += [partial for group in found.values() for one in group for partial in one.partials()]
        return cls(tuple({partial.name: partial for partial in partials}.values()), found)


@dataclass
class Tally:
    """Partial results of all promises over the rows added so far; those of two tallies merge to that of both sets of rows.

    One thread at a time. `breaks` counts by promise the rows that were set aside, `aside` all of them.
    """

    partials: tuple[Partial, ...]
    bins: dict[str, tuple[Bins, ...]]
    breaks: Counter[str] = field(default_factory=Counter)
    aside: int = 0
    _frames: list[pl.DataFrame] = field(default_factory=list)

    @classmethod
    def empty(cls, rows: Iterable[RowPromise], wholes: Wholes) -> Self:
        """A tally that counts the breaks of the row promises `rows` and what `wholes` need."""
        counted = tuple(Partial(f"broken {promise.check}", promise.broken.sum(), "sum") for promise in rows)
        return cls((*wholes.partials, *counted), wholes.bins)

    def add(self, frame: pl.DataFrame) -> None:
        """Add rows that are taken: typed, with both times."""
        if frame.height:
            with blaming(((partial.name.removeprefix("broken "), partial.value) for partial in self.partials), frame.lazy()):
                self.put(frame.lazy().select(take(self.partials)).collect())

    def add_checked(self, checked: Checked) -> None:
        """Add what was set aside of a chunk; its good rows are added when they are known to be taken."""
        self.breaks.update(checked.breaks)
        self.aside += checked.broken.height

    def put(self, cells: pl.DataFrame) -> None:
        """Add the one-row frame of a set of rows."""
        self._frames.append(cells)
        if len(self._frames) >= _KEPT:
            self._frames = [merge(self._frames, self.partials)]

    def merge(self, other: Tally) -> None:
        """Add what the other holds, a tally of the same promises."""
        for frame in other._frames:  # a tally of the same class
            self.put(frame)
        self.breaks.update(other.breaks)
        self.aside += other.aside

    def frame(self) -> pl.DataFrame:
        """The one-row frame of all rows; of none, that of an empty set."""
        if len(self._frames) > 1:
            self._frames = [merge(self._frames, self.partials)]
        return self._frames[0] if self._frames else pl.DataFrame()

    def cells(self) -> dict[str, Any]:
        """The cells by name; empty where no row came."""
        frame = self.frame()
        return frame.row(0, named=True) if frame.height else {}


def _sketched(served: pl.DataFrame | None) -> Sketcher | None:
    if served is None:
        return None
    sketcher = Sketcher(served.schema)
    sketcher.add(served)
    return _settled(sketcher)


def _settled(sketcher: Sketcher | None) -> Sketcher | None:
    """The sketcher with no row waiting to be sketched."""
    return None if sketcher is None else Sketcher.decode(sketcher.encode())


def _bins(check: str, columns: Sequence[str], *, reference: Sketcher | None, schema: Mapping[str, pl.DataType]) -> tuple[Bins, ...]:
    if reference is None:
        return ()
    found = (bins(f"bin {number} {check}:", column, reference=reference, dtype=schema[column]) for number, column in enumerate(columns))
    return tuple(one for one in found if one is not None)
