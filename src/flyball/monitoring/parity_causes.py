"""Why a served value is not the recomputed one: what the store served of which time, against what was due.

A value is judged by its own time first: when that is not the one that was due, the store is to blame, if the value is right for its
time. What is of the right time and still differs was computed otherwise; a constant shift of hours is what another time zone does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from flyball.core.duration import MICROSECOND
from flyball.data.model import PREDICTION_TIME, TIME
from flyball.features import FeatureSet
from flyball.features.lookup import Steps, ViewLookup
from flyball.features.sources import history_of, plain, prediction_times
from flyball.features.windowing import WindowLookup
from flyball.kernels import last_boundary, look_up
from flyball.monitoring.parity_report import Cause
from flyball.serving.columns import storable

_HOUR, _QUARTER = 3_600_000_000, 900_000_000
_ENOUGH = 5  # fewer shifted rows may be chance

Times = Sequence[int | None]
TimedLookup = ViewLookup | WindowLookup


@dataclass
class Explainer:
    """The causes of the rows of one sample; `served`, `due` and `rows` correspond row by row.

    `served` and `due` are storable and have the features' names as columns; `wrong` says per feature in which rows they differ.
    `value_times` are those that were served, by label.
    """

    features: FeatureSet
    rows: pl.DataFrame
    histories: Mapping[str, pl.DataFrame]
    served: pl.DataFrame
    due: pl.DataFrame
    wrong: Mapping[str, Sequence[bool]]
    value_times: Mapping[str, Times]
    _found: dict[str, dict[int, Cause]] = field(default_factory=dict)

    def explain(self) -> dict[str, Cause]:
        """The cause of most of its rows that differ, for each feature that has such rows."""
        for lookup in self.features.lookups:
            if isinstance(lookup, ViewLookup | WindowLookup):
                self._explain_lookup(lookup)
            else:
                self._explain_as_code(list(lookup.dtypes))
        for item in self.features.computations:  # in an order in which each comes after those that it needs
            made = [f"{item.feature.name}.{name}" for name in item.outputs]
            self._explain_as_code(made, needed=[full for full in item.arguments.values() if full in self.wrong])
        return {name: Counter(found.values()).most_common(1)[0][0] for name, found in self._found.items() if found}

    def _differing(self, name: str) -> list[int]:
        return [index for index, differs in enumerate(self.wrong[name]) if differs]

    def _explain_as_code(self, names: Sequence[str], *, needed: Sequence[str] = ()) -> None:
        """Values that are computed from the request and from other features, whose fault may be theirs."""
        shifted = False
        for name in names:
            found: dict[int, Cause] = {}
            for index in self._differing(name):
                inherited = [self._found[other][index] for other in needed if index in self._found.get(other, {})]
                found[index] = inherited[0] if inherited else "different code"
            own = [index for index, cause in found.items() if cause == "different code"]
            if self._is_shifted(name, own):
                shifted = True
                found |= dict.fromkeys(own, "time zone")
            self._found[name] = found
        if shifted:  # what shifts the hour shifts the weekday beside it, which alone shows no constant
            for name in names:
                if self.due.schema[name].is_integer() or self.due.schema[name].is_temporal():
                    self._found[name] = {
                        index: "time zone" if cause == "different code" else cause for index, cause in self._found[name].items()
                    }

    def _explain_lookup(self, lookup: TimedLookup) -> None:
        names = [name for name in lookup.dtypes if any(self.wrong[name])]
        times = self.value_times.get(lookup.feature.label)
        if not names or times is None:  # where nobody says of when the values are, they are judged by themselves
            self._explain_as_code(names)
            return
        known = _Looked.of(lookup, self.rows, histories=self.histories, served=times)
        for name in names:
            found = {index: self._cause(name, index, known=known) for index in self._differing(name)}
            own = [index for index, cause in found.items() if cause == "different code"]
            if isinstance(lookup, ViewLookup) and self._is_shifted(name, own):
                found |= dict.fromkeys(own, "time zone")
            self._found[name] = found

    def _cause(self, name: str, index: int, *, known: _Looked) -> Cause:
        value, due, time = self.served[name][index], known.due[index], known.served[index]
        if time is None:
            if due is None:
                return "different code"
            return "stale store" if known.expired[index] else "missing in store"
        if due is not None and time > due:
            return "not yet known"
        if any(_same(value, other) for other in known.values_of(name, index)):
            return "stale store"
        if isinstance(known.lookup, WindowLookup) and time == due and self._is_empty(known.lookup, index):
            return "missing in store"
        return "different code"

    def _is_empty(self, lookup: WindowLookup, index: int) -> bool:
        """Whether a window without rows was served: the store knows nothing of the entity."""
        return [self.served[name][index] for name in lookup.dtypes] == lookup.empty

    def _is_shifted(self, name: str, indices: Sequence[int]) -> bool:
        pairs = [(self.served[name][index], self.due[name][index]) for index in indices]
        pairs = [pair for pair in pairs if None not in pair]
        dtype = self.due.schema[name]
        if len(pairs) < max(_ENOUGH, len(indices) // 2) or self.served.schema[name].is_temporal() != dtype.is_temporal():
            return False
        if isinstance(dtype, pl.Datetime):
            moved = {(one - other) // MICROSECOND for one, other in pairs}
            return max(moved) - min(moved) <= _HOUR and all(shift and not shift % _QUARTER and abs(shift) <= 26 * _HOUR for shift in moved)
        if not dtype.is_integer() or not all(isinstance(one, int) and 0 <= one < 24 and 0 <= other < 24 for one, other in pairs):
            return False
        # Two neighbouring shifts: zones change their clocks on different days.
        hours = sorted({(one - other) % 24 for one, other in pairs})
        return len({one for one, _ in pairs}) > 1 and (len(hours) == 1 or (len(hours) == 2 and (hours[1] - hours[0]) in (1, 23)))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


@dataclass
class _Looked:
    """A look-up of the sample's rows: of which time its answers were and should have been, and what was right at which time.

    `values` are those of a view's steps; for a window view those of each row's entity at the time that was served. `expired` says
    where all that was served until then, to whomever, is too old to answer: the store has stood still.
    """

    lookup: TimedLookup
    due: Times
    served: Times
    asked: Sequence[int]
    values: pl.DataFrame
    expired: Sequence[bool]
    steps: Steps | None = None
    codes: Sequence[int] = ()

    @classmethod
    def of(cls, lookup: TimedLookup, rows: pl.DataFrame, *, histories: Mapping[str, pl.DataFrame], served: Times) -> _Looked:
        asked, bound = prediction_times(rows), plain(rows.select(lookup.inputs))
        if isinstance(lookup, WindowLookup):
            known = bound.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_list()
            ends = last_boundary(asked, lookup.every).tolist()
            due = [end if there else None for end, there in zip(ends, known, strict=True)]
            then = [end if time is None else time for end, time in zip(ends, served, strict=True)]
            moved = rows.with_columns(pl.Series(PREDICTION_TIME, then, dtype=pl.Int64).cast(TIME))
            return cls(lookup, due, served, asked.tolist(), storable(lookup.compute(moved, histories)), [False] * len(due))
        steps = lookup.steps(history_of(lookup.feature.source, histories))
        codes = steps.entities.codes(bound)
        found = look_up(steps.line, steps.event, entity=codes, time=asked, ttl=lookup.ttl)
        due = [int(steps.event[row]) if row >= 0 else None for row in found.tolist()]
        expired = _expired(asked.tolist(), served, ttl=lookup.ttl)
        return cls(lookup, due, served, asked.tolist(), storable(steps.values), expired, steps, codes.tolist())

    def values_of(self, name: str, index: int) -> list[Any]:
        """The values of feature `name` that were right for the row's entity at the time that was served, if another was due."""
        time, due = self.served[index], self.due[index]
        if time is None:
            return []
        if self.steps is None:
            return [self.values[name][index]] if due is not None and time < due else []
        # A correction leaves the time of a row as it was: every version that ever was right counts.
        line, code = self.steps.line, self.codes[index]
        here = slice(*np.searchsorted(line.entity, [code, code + 1]).tolist())
        rows = line.row[here][line.since[here] <= self.asked[index]].tolist()
        column = self.values[name.removeprefix(f"{self.lookup.feature.label}.")]
        return [column[row] for row in rows if row >= 0 and int(self.steps.event[row]) == time]


def _expired(asked: Sequence[int], served: Times, *, ttl: int | None) -> list[bool]:
    """Per row, whether the newest value that was served up to its time is older than `ttl`; False where none was."""
    newest: int | None = None
    found = [False] * len(asked)
    for index in sorted(range(len(asked)), key=lambda index: asked[index]):
        time = served[index]
        newest = time if newest is None or (time is not None and time > newest) else newest
        found[index] = ttl is not None and newest is not None and newest < asked[index] - ttl
    return found
