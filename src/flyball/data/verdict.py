"""What is said of the rows that an ingest adds: their profile, and what came of every promise; one pass over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flyball.core.canonical import canonical
from flyball.data.checking import Warned, warnings_of
from flyball.data.contracts.compiled import Compiled
from flyball.data.contracts.outcome import Context, Outcome, encode_outcomes
from flyball.data.declared.check import Severity
from flyball.data.model import EVENT_TIME
from flyball.data.profiles import Sketcher
from flyball.data.sifting import Sifted

_TOLD = frozenset({"minimum", "maximum", "categories", "pattern"})  # by `warned`


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The rows' sketches, the outcomes of all promises, what was taken with a warning, and the earliest and latest event time."""

    sketcher: Sketcher
    outcomes: tuple[Outcome, ...]
    warned: tuple[Warned, ...]
    span: tuple[datetime | None, datetime | None]

    @property
    def holds(self) -> bool:
        """Whether a promise says that a person has to look first."""
        return any(outcome.holds for outcome in self.outcomes)

    @property
    def held_by(self) -> list[str]:
        """The checks that say so."""
        return [outcome.check for outcome in self.outcomes if outcome.holds]

    @property
    def broken(self) -> list[Mapping[str, Any]]:
        """What else was broken and is told: checks of the contract that set no row aside."""
        told = [
            found for found in self.outcomes if not found.passed and found.kind not in _TOLD and found.severity is not Severity.QUARANTINE
        ]
        return [{"column": found.column, "why": found.message, "rows": found.broken, "check": found.check} for found in told]

    @property
    def profile(self) -> bytes:
        """The readable profile, as canonical JSON."""
        return canonical(self.sketcher.summary()).encode()

    @property
    def results(self) -> bytes:
        """The outcomes, as JSON."""
        return encode_outcomes(self.outcomes)


def look_over(compiled: Compiled, sifted: Sifted, *, context: Context) -> Verdict:
    """The verdict on the rows that are added; `context` says what they are compared with, all but the rows themselves.

    Raises:
        CheckError: a check in Python cannot be evaluated.
    """
    tally, sketcher = compiled.tally(context), Sketcher(sifted.schema)
    tally.breaks.update(sifted.breaks)
    tally.aside += sifted.quarantined
    warned: Counter[tuple[str, str]] = Counter()
    times: list[datetime] = []
    for chunk in sifted.accepted():
        sketcher.add(chunk)
        tally.add(chunk)
        warned.update({(found.column, found.why): found.rows for found in warnings_of(compiled.contract, chunk)})
        ends = (chunk[EVENT_TIME].min(), chunk[EVENT_TIME].max())
        times += [time for time in ends if isinstance(time, datetime)]
    outcomes = compiled.finish(tally, context=replace(context, rows=sifted.scan()))
    return Verdict(
        sketcher=sketcher,
        outcomes=outcomes,
        warned=tuple(Warned(column, why, rows) for (column, why), rows in warned.items()),
        span=(min(times, default=None), max(times, default=None)),
    )
