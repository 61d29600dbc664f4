"""An endpoint's version, opened in this process as a model server opens it, that is asked chunk by chunk and keeps what the log gets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from flyball.app.modelserver import ModelServer, ServerSettings
from flyball.app.scoring.errors import NothingServedError, ScoringColumnsError
from flyball.app.scoring.job import Job
from flyball.core.clock import MonotonicTimer, VirtualClock
from flyball.core.duration import EPOCH, MICROSECOND
from flyball.serving.asked import Answer, Asked, Wants
from flyball.serving.engine import Engine
from flyball.serving.errors import FieldError, RowsRefusedError
from flyball.serving.fitting import fit
from flyball.serving.rowform import RowForm
from flyball.serving.version import LoadedEndpoint
from flyball.storage.journal import NoJournal

_SCRATCH = 1000
"""Processes of models have directories by worker's number; those of model servers are lower."""
_READY_SECONDS = 60.0


class RowIds:
    """Ids by job and row, so that a row that is scored again has the id that it had."""

    derived = True

    def __init__(self, job: str) -> None:
        self._job, self.row = job, 0

    def create(self, kind: str, *cause: str) -> str:
        del cause
        self.row += 1
        return f"{kind}-{self._job}-{self.row:09}"


class Collected(NoJournal):
    """Keeps nothing for long: `payloads` are taken by whoever asked."""

    def __init__(self) -> None:
        super().__init__()
        self.payloads: list[bytes] = []

    def append(self, *payloads: bytes) -> int:
        self.payloads += payloads
        return super().append(*payloads)


class Asking:
    """To be opened, asked and closed in one event loop."""

    def __init__(self, server: ModelServer, collected: Collected, *, endpoint: LoadedEndpoint, version: int, ids: RowIds) -> None:
        self._server, self._collected, self._endpoint, self._ids = server, collected, endpoint, ids
        self._wants = Wants(version=version, batch=True)
        self._timer = MonotonicTimer()

    @classmethod
    async def open(cls, home: Path, job: Job, *, worker: int) -> Asking:
        """The version as the last plan of the home has it.

        Raises:
            NothingServedError: there is no plan.
            EndpointNotFoundError, NotDeployedError, VersionNotServedError: it does not name the version.
            FlyballError: it cannot be loaded.
        """
        collected, ids = Collected(), RowIds(job.name)
        server = ModelServer.open(home, ServerSettings(worker=_SCRATCH + worker, deadline_seconds=_READY_SECONDS), journal=collected)
        clock = VirtualClock(EPOCH + job.begun * MICROSECOND)
        before, server.engine = server.engine, Engine(collected, clock=clock, ids=ids, timer=MonotonicTimer())
        server.engine.keeper.hiding = before.keeper.hiding
        try:
            await server.start(_READY_SECONDS)
            server.check_whole()
            _check_served(server)
            endpoint = server.engine.serving.get(job.endpoint)
            endpoint.get_version(job.version, vector=False)
        except BaseException:
            await server.close()
            raise
        return cls(server, collected, endpoint=endpoint, version=job.version, ids=ids)

    @property
    def form(self) -> RowForm:
        """The columns that rows must have."""
        form = self._endpoint.form
        assert isinstance(form, RowForm), "an endpoint of a project says what its rows are"
        return form

    def check(self, columns: list[str]) -> None:
        """Rows with these columns can be scored.

        Raises:
            ScoringColumnsError: one is missing.
        """
        missing = [name for name in self.form.required if name not in columns]
        if missing:
            raise ScoringColumnsError(sorted(missing), found=columns)

    async def ask(self, rows: pl.DataFrame, *, first: int) -> tuple[pl.DataFrame, list[bytes]]:
        """The rows with what was said of them, and what the log is to hold; the first of them is the input's `first`-th.

        A row that the version cannot take has an error instead.
        """
        bad = self._unfit(rows)
        good = [row for row in range(rows.height) if row not in bad]
        self._ids.row = first - 1
        said: dict[int, tuple[str, Any, float | None]] = {}
        if good:
            try:
                answer = await self._answer(rows[good])
            except RowsRefusedError as error:
                bad |= dict.fromkeys(good, str(error))
            else:
                columns = [answer.column(lambda part: part.ids), answer.column(lambda part: part.predictions)]
                scores = answer.column(lambda part: part.scores)
                said = dict(zip(good, zip(*columns, scores, strict=True), strict=True))
        payloads, self._collected.payloads = self._collected.payloads, []
        return _told(rows, said, bad=bad), payloads

    async def _answer(self, rows: pl.DataFrame) -> Answer:
        done = asyncio.Event()
        fitted = fit(self.form, self._taken(rows))
        asked = Asked(self._endpoint, fitted, arrived=self._timer.seconds(), done=done.set, wants=self._wants)
        self._server.engine.flush([asked])
        await done.wait()
        return asked.answer()

    def _taken(self, rows: pl.DataFrame) -> Mapping[str, pl.Series]:
        return {name: rows[name] for name in self.form.columns if name in rows.columns}

    def _unfit(self, rows: pl.DataFrame, start: int = 0) -> dict[int, str]:
        """Which rows the form refuses, and why."""
        try:
            fit(self.form, self._taken(rows))
        except FieldError as error:
            if rows.height == 1:
                return {start: str(error).partition(", ")[2]}
            middle = rows.height // 2
            return self._unfit(rows[:middle], start) | self._unfit(rows[middle:], start + middle)
        return {}

    async def close(self) -> None:
        """Let go of all."""
        await self._server.close()


def _check_served(server: ModelServer) -> None:
    if not server.engine.serving.revision:
        raise NothingServedError


def _told(rows: pl.DataFrame, said: Mapping[int, tuple[str, Any, float | None]], *, bad: Mapping[int, str]) -> pl.DataFrame:
    nothing = (None, None, None)
    found = [said.get(row, nothing) for row in range(rows.height)]
    return rows.with_columns(
        pl.Series("prediction_id", [name for name, _, _ in found], dtype=pl.String),
        pl.Series("prediction", [_number(value) for _, value, _ in found], dtype=pl.Float64),
        pl.Series("prediction_text", [value if isinstance(value, str) else None for _, value, _ in found], dtype=pl.String),
        pl.Series("score", [score for _, _, score in found], dtype=pl.Float64),
        pl.Series("error", [bad.get(row) for row in range(rows.height)], dtype=pl.String),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
