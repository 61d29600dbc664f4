"""The reference: what a model's inputs, or its scores, look like from window to window when nothing has changed.

Thresholds come from how far reference *windows* lie from each other, never from resampled rows: a week differs from the next by weather and
holidays, and rows drawn at random know nothing of that. Nothing here asks for labels or for the time of day.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from flyball.core.canonical import canonical
from flyball.core.duration import EPOCH, MICROSECOND, format_duration, parse_duration
from flyball.kernels.arrays import Floats, Ints
from flyball.kernels.distances import jensen_shannon, psi
from flyball.kernels.thresholds import DriftThresholds, drift_thresholds
from flyball.monitoring.drift_report import DriftReport, SeriesDrift
from flyball.monitoring.errors import MissingSeriesError
from flyball.monitoring.model import AlarmRate
from flyball.monitoring.series import SeriesReference

MIN_ROWS = 200
"""A window with fewer rows gives no alarm, and none of the reference's thresholds."""

MIN_WINDOWS = 4
"""With fewer windows there is no spread to speak of, and no threshold."""

SCORE_WINDOWS = 8
"""A version's predictions are held against the first so many windows that it served."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Histograms of every series, in all and per reference window, and the thresholds that follow from their spread.

    Frozen, equal by content, and the same after JSON. `starts` and `rows` are those of the reference windows, in order; a window that
    is cut short (fewer than 200 rows, or than half of the median) is part of the totals only.
    """

    window: timedelta
    rate: AlarmRate
    starts: tuple[datetime, ...]
    rows: tuple[int, ...]
    series: tuple[SeriesReference, ...]
    thresholds: DriftThresholds | None

    @classmethod
    def fit(cls, frame: pl.DataFrame, times: pl.Series, *, window: timedelta, rate: AlarmRate) -> Reference:
        """The reference of the columns of `frame`; `times` ``(n_rows,)`` are aware, and windows are UTC-aligned multiples of `window`.

        Pure and deterministic; the order of the rows does not matter.

        Raises:
            MonitorSpecError: `rate` is one half or more per window.
        """
        probability = rate.per_window(window)
        starts, rows, places = _windows(times, window)
        order = np.argsort(places, kind="stable")
        bounds = np.searchsorted(places[order], np.arange(len(starts) + 1))
        series = tuple(SeriesReference.fit(frame[name].gather(order), bounds) for name in frame.columns)
        thresholds = None
        if len(starts) >= MIN_WINDOWS and series:
            thresholds = drift_thresholds(np.column_stack([_left_out(found) for found in series]), probability=probability)
        return cls(window, rate, starts, rows, series=series, thresholds=thresholds)

    @classmethod
    def fit_scores(cls, scores: pl.Series, times: pl.Series, *, window: timedelta, rate: AlarmRate) -> Reference:
        """The reference of one version's predictions: the first windows that it served itself, 8 at most.

        Later windows are left out, so that a slow drift of the predictions does not become what is usual. There is no threshold
        before the fourth window.

        Raises:
            MonitorSpecError: `rate` is one half or more per window.
        """
        starts = _windows(times, window)[0]
        early = times < starts[SCORE_WINDOWS] if len(starts) > SCORE_WINDOWS else pl.repeat(True, len(times), eager=True)
        return cls.fit(scores.filter(early).to_frame(), times.filter(early), window=window, rate=rate)

    @property
    def provisional(self) -> bool:
        """The reference is too short to confirm the stated rate of false alarms, or for any threshold."""
        return self.thresholds is None or self.thresholds.provisional

    @property
    def names(self) -> tuple[str, ...]:
        """The series watched, in order."""
        return tuple(found.name for found in self.series)

    def get(self, name: str) -> SeriesReference:
        """The reference of one series.

        Raises:
            MissingSeriesError: it is not watched.
        """
        for found in self.series:
            if found.name == name:
                return found
        raise MissingSeriesError([name], self.names)

    def compare(self, frame: pl.DataFrame) -> DriftReport:
        """How far the rows of one window lie from the reference; further columns are not looked at. Pure.

        Raises:
            MissingSeriesError: a series of the reference is missing.
        """
        missing = [name for name in self.names if name not in frame.columns]
        if missing:
            raise MissingSeriesError(missing, frame.columns)
        distances = np.full(len(self.series), np.nan)
        series = []
        for index, reference in enumerate(self.series):
            total, counts = np.array(reference.total), reference.count(frame[reference.name])
            distances[index] = psi(total, counts)
            limit = None if self.thresholds is None or len(frame) < MIN_ROWS else self.thresholds.threshold[index]
            beyond = limit is not None and bool(distances[index] > limit)
            js = _number(jensen_shannon(total, counts))
            series.append(SeriesDrift(reference.name, _number(distances[index]), js, threshold=limit, alarmed=beyond))
        return self._report(tuple(series), distances, rows=len(frame))

    def _report(self, series: tuple[SeriesDrift, ...], distances: Floats, *, rows: int) -> DriftReport:
        thresholds = self.thresholds
        if thresholds is None or rows < MIN_ROWS:
            why = f"{rows:,} rows are fewer than {MIN_ROWS}: no alarm is given."
            if rows >= MIN_ROWS:
                length = format_duration(self.window)
                why = f"The reference has {len(self.starts)} whole windows of {length}, and a threshold takes {MIN_WINDOWS}."
            return DriftReport(rows, series, None, None, alarmed=False, provisional=self.provisional, why=why)
        statistic = thresholds.statistic(distances)
        alarmed = statistic is not None and statistic > thresholds.limit
        why = self._why(series, thresholds.standardise(distances), alarmed=alarmed)
        return DriftReport(rows, series, statistic, thresholds.limit, alarmed=alarmed, provisional=thresholds.provisional, why=why)

    def _why(self, series: tuple[SeriesDrift, ...], scores: Floats, *, alarmed: bool) -> str:
        worst = sorted(range(len(series)), key=lambda index: -np.nan_to_num(scores[index], nan=-np.inf))[:3]
        moved = [f"{series[i].name} (PSI {series[i].psi:.3f}, usually up to {series[i].threshold:.3f})" for i in worst]
        moved = moved if alarmed else moved[:1]
        doubt = " Provisional: " + (self.thresholds.reason or "") + "." if self.thresholds and self.thresholds.provisional else ""
        if alarmed:
            return f"Further from the reference than {self.rate} would be by chance: {', '.join(moved)}.{doubt}"
        return f"Within the reference; furthest is {moved[0]}.{doubt}"

    def to_json(self) -> dict[str, Any]:
        """The reference as JSON."""
        return {
            "window": format_duration(self.window),
            "rate": {"count": self.rate.count, "per": format_duration(self.rate.per)},
            "starts": [start.isoformat() for start in self.starts],
            "rows": list(self.rows),
            "series": [found.to_json() for found in self.series],
            "thresholds": None if self.thresholds is None else dataclasses.asdict(self.thresholds),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """The reference that `to_json` wrote: equal, field by field."""
        found = data["thresholds"]
        return cls(
            window=parse_duration(data["window"]),
            rate=AlarmRate(float(data["rate"]["count"]), parse_duration(data["rate"]["per"])),
            starts=tuple(datetime.fromisoformat(start) for start in data["starts"]),
            rows=tuple(data["rows"]),
            series=tuple(SeriesReference.from_json(series) for series in data["series"]),
            thresholds=None if found is None else _thresholds(found),
        )

    def to_bytes(self) -> bytes:
        """The reference as canonical JSON, to be kept as a blob."""
        return canonical(self.to_json()).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Reference:
        """The reference that `to_bytes` wrote."""
        return cls.from_json(json.loads(data))


def _thresholds(data: Mapping[str, Any]) -> DriftThresholds:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    return DriftThresholds(**fields)


def _windows(times: pl.Series, window: timedelta) -> tuple[tuple[datetime, ...], tuple[int, ...], Ints]:
    """Starts and rows of the whole windows, and each row's place among them or -1."""
    length = window // MICROSECOND
    stamps = times.dt.epoch("us").to_numpy().astype(np.int64)
    numbers, index, counts = np.unique(stamps // length, return_inverse=True, return_counts=True)
    whole = counts >= max(MIN_ROWS, np.median(counts) / 2 if len(counts) else 0)
    place = np.where(whole, np.cumsum(whole) - 1, -1)
    starts = tuple(EPOCH + int(number) * window for number in numbers[whole])
    return starts, tuple(map(int, counts[whole])), place[index].astype(np.int64)


def _left_out(series: SeriesReference) -> Floats:
    windows = np.array(series.windows, dtype=np.int64)
    return psi(np.array(series.total, dtype=np.int64) - windows, windows)


def _number(value: object) -> float | None:
    number = float(value)  # type: ignore[arg-type]  # a 0-d array or a numpy scalar
    return None if np.isnan(number) else number
