"""Parity as a job of a live home: served vectors against what the tables give, each in its own time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flyball.app.livemodel import LiveModel
from flyball.app.liveparts import LiveParts
from flyball.app.releasing import PRODUCTION
from flyball.core.events import Event
from flyball.loop.services import services_of
from flyball.monitoring.parity import CHECKED, ParityTask, check_parity, parity_subject
from flyball.monitoring.parity_report import ParityReport
from flyball.storage.events import EventQuery
from flyball.storage.jobs import Job

if TYPE_CHECKING:
    import polars as pl

KIND = "parity"
LOOKED_BACK = timedelta(days=1)
"""How much business time of answers a check draws from."""
ROWS = 200


def lane_of(model: str) -> str:
    """The lane of a model's parity checks: nobody waits for them."""
    return f"parity/{model}"


class ParityKind:
    """The job kind: compare, then record. Also what `run` does at once for a person. Thread-safe."""

    def __init__(self, parts: LiveParts) -> None:
        self._parts = parts
        self._last: dict[str, Event] = {}  # so that nobody has to read all that ever was

    def prepare(self, job: Job) -> Callable[[], Mapping[str, Any] | None]:
        """The comparison; its commit is `parity.checked`."""
        live = self._parts.models[job.payload["model"]]
        report = self._compare(live)

        def commit() -> None:
            self._record(live, report, actor="system")

        return commit

    def failed(self, job: Job, error: Exception) -> None:
        """A check that cannot be made is told; there is another one soon."""
        live = self._parts.models[job.payload["model"]]
        recorder = services_of(live.model, self._parts.place.home.stores, environment=PRODUCTION, actor="system").recorder
        recorder.record("parity.failed", parity_subject(live.model.name), data={"why": str(error).partition("\n")[0]})

    def run(self, *, actor: str) -> dict[str, Any]:
        """Compare now, for every model; the reports by model."""
        reports = {name: self._compare(live) for name, live in self._parts.models.items()}
        for name, report in reports.items():
            self._record(self._parts.models[name], report, actor=actor)
        return {name: report.to_json() for name, report in reports.items()}

    def find(self) -> dict[str, Any]:
        """The last report of every model, or None."""
        log = self._parts.place.home.stores.journal.log
        for name in self._parts.models:
            known = self._last.get(name)
            events = log.list(EventQuery(type=CHECKED, subject=parity_subject(name), since=None if known is None else known.time))
            if events:
                self._last[name] = events[-1]
        return {name: dict(self._last[name].data) if name in self._last else None for name in self._parts.models}

    def _compare(self, live: LiveModel) -> ParityReport:
        parts, now = self._parts, self._parts.place.clock.now()
        parts.intake.apply_all()
        parts.log.drain()
        start, end = now - LOOKED_BACK, now + timedelta(microseconds=1)
        task = ParityTask(
            model=live.model.name,
            endpoint=live.model.serves_at,
            start=start,
            end=end,
            features=live.features,
            lead=live.model.length("lead"),
            rows=ROWS,
            seed=live.model.seed,
            hidden=frozenset() if live.model.log is None else live.model.log.plan.hidden,
        )
        return check_parity(task, parts.log.read(live.model.serves_at, start, end=end), histories=self._histories(start))

    def _histories(self, start: datetime) -> dict[str, pl.DataFrame]:
        """From the tables, not from memory: what is compared must not share its source with what was served."""
        parts = self._parts
        data = parts.place.home.data
        sinces = {name: None if back is None else start - back for name, back in parts.online.needs().items()}
        return {name: data.recent(parts.declared[name].dataset, since) for name, since in sinces.items()}

    def _record(self, live: LiveModel, report: ParityReport, *, actor: str) -> Event:
        recorder = services_of(live.model, self._parts.place.home.stores, environment=PRODUCTION, actor=actor).recorder
        return recorder.record(CHECKED, parity_subject(live.model.name), data=report.to_json())
