"""How a dataset does: one word, and every reason for it in a sentence that says since when or how much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flyball.core.duration import format_duration, parse_duration
from flyball.data.contracts.model import Contract, FreshnessCheck
from flyball.data.model import Dataset, DatasetVersion, VersionState

OVERDUE = 3
"""A source that is pulled every so often is stale after so many times as long."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What is known of a dataset: its versions by number, how many rows wait, what failed in the latest accepted one, and `now`.

    The versions are at least those of `Heads`. `trouble` is why its contract cannot be read, if it cannot.
    """

    dataset: Dataset | None
    contract: Contract | None
    versions: Sequence[DatasetVersion]
    waiting: int
    failed: Sequence[str]
    now: datetime
    trouble: str | None = None

    @property
    def accepted(self) -> DatasetVersion | None:
        """The latest accepted version."""
        return next((version for version in reversed(self.versions) if version.state is VersionState.ACCEPTED), None)

    @property
    def held(self) -> list[int]:
        """The versions that wait for a person."""
        return [version.number for version in self.versions if version.state is VersionState.HELD]

    @property
    def newest(self) -> DatasetVersion | None:
        """The latest version, whatever became of it."""
        return self.versions[-1] if self.versions else None


def health(condition: Condition) -> tuple[str, list[str]]:
    """The worst of held, empty, stale, warn and ok, and all reasons."""
    found = list(_findings(condition))
    words = [word for word, _ in found]
    worst = next((word for word in ("held", "empty", "stale", "warn") if word in words), "ok")
    return worst, [reason for _, reason in found]


def seconds_since(then: datetime | None, now: datetime) -> float | None:
    """How old something is."""
    return None if then is None else (now - then).total_seconds()


def _findings(condition: Condition) -> Iterator[tuple[str, str]]:
    for number in condition.held:
        yield "held", f"version {number} waits for a person"
    if condition.accepted is None:
        yield "empty", "no version is accepted"
    yield from _stale(condition)
    if condition.trouble is not None:
        yield "warn", condition.trouble
    if condition.failed:
        shown = ", ".join(condition.failed[:3]) + (", …" if len(condition.failed) > 3 else "")
        yield "warn", f"{_counted(len(condition.failed), 'check')} of the latest version failed: {shown}"
    if condition.waiting:
        yield "warn", f"{_counted(condition.waiting, 'row')} {'waits' if condition.waiting == 1 else 'wait'} in quarantine"


def _stale(condition: Condition) -> Iterator[tuple[str, str]]:
    accepted, now = condition.accepted, condition.now
    checks = () if condition.contract is None else condition.contract.checks
    for check in checks:
        ours = isinstance(check, FreshnessCheck) and check.column in {None, condition.dataset and condition.dataset.event_time}
        if isinstance(check, FreshnessCheck) and ours and accepted is not None and accepted.latest_event_time is not None:
            age = now - accepted.latest_event_time
            if age > parse_duration(check.maximum_age):
                yield "stale", f"the newest event is {_short(age)} old, and {check.name} allows {check.maximum_age}"
    every = None if condition.dataset is None else condition.dataset.source.every
    if every is not None and condition.newest is not None and now - condition.newest.ingested_at > OVERDUE * every:
        yield "stale", f"nothing came for {_short(now - condition.newest.ingested_at)}; it is pulled every {format_duration(every)}"


def _short(length: timedelta) -> str:
    """A length to its leading unit."""
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if length.total_seconds() >= seconds:
            return f"{length.total_seconds() / seconds:.0f}{unit}"
    return f"{length.total_seconds():.0f}s"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
