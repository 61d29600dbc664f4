"""What a parity check found, as frozen values: per feature how often served and recomputed values agree, and why they do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from flyball.core.duration import format_duration, parse_duration

Cause = Literal["missing in store", "stale store", "not yet known", "time zone", "different code"]
Rule = Literal["exact", "relative"]

_WORDS: Mapping[Cause, str] = {
    "missing in store": "the store answered nothing where there is a value",
    "stale store": "the store served the value of an earlier time than was due",
    "not yet known": "the store served a value of a later time than was known",
    "time zone": "the values are shifted as another time zone shifts them",
    "different code": "the values are of the time that was due, but computed otherwise",
}


@dataclass(frozen=True, slots=True)
class FeatureParity:
    """One feature: `agreeing` of `compared` rows; `rule` says whether exactly, or to within 1e-9 of the larger value.

    `largest_difference` is relative, None where values have no distance. `cause` is that of most rows that disagree, of which
    `examples` are the first few's prediction ids.
    """

    name: str
    rule: Rule
    compared: int
    agreeing: int
    largest_difference: float | None
    cause: Cause | None = None
    examples: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The share of rows that agree; 1 of none."""
        return self.agreeing / self.compared if self.compared else 1.0

    def __str__(self) -> str:
        if self.cause is None:
            return f"{self.name} agrees in all {self.compared:,} rows."
        where = f", for example in {self.examples[0]}" if self.examples else ""
        return f"{self.name} agrees in {self.agreeing:,} of {self.compared:,} rows: {self.cause} ({_WORDS[self.cause]}{where})."

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FeatureParity:
        """The feature that `ParityReport.to_json` wrote."""
        return cls(**{**data, "examples": tuple(data["examples"])})


@dataclass(frozen=True, slots=True)
class LeadSkew:
    """How far real leads (event time minus prediction time) are from the declared one, in seconds: positive is earlier than declared.

    `beyond` is the share of rows that are more than a tenth of the lead, at least a minute, away from it.
    """

    declared: timedelta
    rows: int
    least_seconds: float
    median_seconds: float
    most_seconds: float
    beyond: float

    @property
    def skewed(self) -> bool:
        """More than one row in twenty is asked for at another time than the model was trained for."""
        return self.beyond > 0.05

    def __str__(self) -> str:
        return (
            f"Leads differ from the declared {format_duration(self.declared)} by {self.least_seconds:+,.0f} to "
            f"{self.most_seconds:+,.0f} s, {self.median_seconds:+,.0f} s in the middle; {self.beyond:.1%} of the rows are too far from it."
        )


@dataclass(frozen=True, slots=True)
class ParityReport:
    """A sample of `rows` served vectors out of `population`, answered in [start, end), against their recomputation.

    `left_out` further rows were answered by other features than those that were recomputed.
    """

    model: str
    start: datetime
    end: datetime
    population: int
    rows: int
    left_out: int
    seed: int
    features: tuple[FeatureParity, ...]
    leads: LeadSkew | None

    @property
    def alarmed(self) -> bool:
        """Some feature disagrees in some row: training and serving should be equal, not similar."""
        return any(found.cause for found in self.features)

    @property
    def why(self) -> str:
        """The verdict in sentences."""
        if not self.rows:
            return "No served row could be compared."
        wrong = [str(found) for found in self.features if found.cause]
        leads = [str(self.leads)] if self.leads and self.leads.skewed else []
        verdict = wrong or [f"All {len(self.features)} features agree in all {self.rows:,} rows."]
        return " ".join([*verdict, *leads])

    def to_json(self) -> dict[str, Any]:
        """The report as JSON, with its verdict."""
        leads = None if self.leads is None else {**asdict(self.leads), "declared": format_duration(self.leads.declared)}
        return {
            "model": self.model, "start": self.start.isoformat(), "end": self.end.isoformat(), "population": self.population,
            "rows": self.rows, "left_out": self.left_out, "seed": self.seed, "features": [asdict(found) for found in self.features],
            "leads": leads, "alarmed": self.alarmed, "why": self.why,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ParityReport:
        """The report that `to_json` wrote."""
        leads = data["leads"]
        return cls(
            model=data["model"],
            start=datetime.fromisoformat(data["start"]),
            end=datetime.fromisoformat(data["end"]),
            population=data["population"],
            rows=data["rows"],
            left_out=data["left_out"],
            seed=data["seed"],
            features=tuple(map(FeatureParity.from_json, data["features"])),
            leads=None if leads is None else LeadSkew(**{**leads, "declared": parse_duration(leads["declared"])}),
        )
