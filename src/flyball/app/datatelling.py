"""What the doors are told of datasets, versions, checks and quarantined rows: plain values, the same whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.app.deed import Json
from flyball.app.telling import moment
from flyball.data.model import DatasetVersion
from flyball.data.quarantine.model import Left, QuarantinedRow

RESULT = ("passed", "skipped", "checked", "broken", "observed")
CHECK = ("check", "kind", "severity", "column")


def figures(version: DatasetVersion | None) -> Json:
    """What a list of datasets shows of the latest version; null where there is none."""
    names = ("rows", "added", "quarantined", "duplicates", "event")
    times = ("ingested_at", "earliest_event_time", "latest_event_time")
    return {
        "version": None if version is None else version.number,
        "state": None if version is None else version.state.value,
        **{name: getattr(version, name, None) for name in names},
        **{name: moment(getattr(version, name, None)) for name in times},
    }


def version_told(version: DatasetVersion, *, failed: Sequence[str]) -> Json:
    """One version in a list."""
    found = figures(version)
    return {
        "number": found.pop("version"),
        **found,
        "source": version.source,
        "position": version.position,
        "cause": version.cause,
        "digest": version.digest,
        "table": version.table,
        "table_version": version.table_version,
        "failed": list(failed),
    }


def files_told(version: DatasetVersion) -> list[Json]:
    """The parts that a version was read from."""
    return [{"name": file.name, "size_bytes": file.size_bytes, "digest": file.digest} for file in version.files]


def row_told(row: QuarantinedRow) -> Json:
    """A quarantined row with what was decided of it."""
    decision = row.decision
    return {
        "id": row.id,
        "version": row.version,
        "file": row.file,
        "row": row.row,
        "reasons": list(row.reasons),
        "cells": dict(row.cells),
        "state": row.state.value,
        "repaired": None if decision is None or decision.cells is None else dict(decision.cells),
        "readmitted": None if decision is None else decision.readmitted,
        "why": None if decision is None else decision.why,
        "actor": None if decision is None else decision.actor,
        "at": None if decision is None else moment(decision.at),
    }


def left_told(rows: Sequence[Left]) -> list[Json]:
    """Rows that the contract refuses, and why."""
    return [{"id": row.id, "reasons": list(row.reasons)} for row in rows]


def failed_in(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the checks that did not pass."""
    return [str(found["check"]) for found in results if not found["passed"]]


def results_over_time(versions: Sequence[tuple[DatasetVersion, Sequence[Mapping[str, Any]]]]) -> list[Json]:
    """Per check its results in these versions, oldest first; the checks in the order of the last version that had them."""
    found: dict[str, Json] = {}
    for version, results in versions:
        for result in results:
            known = found.pop(str(result["check"]), None)
            series = [] if known is None else known["results"]
            told = {name: result.get(name) for name in RESULT}
            series.append({"version": version.number, "at": moment(version.ingested_at), **told})
            found[str(result["check"])] = {**{name: result.get(name) for name in CHECK}, "results": series}
    return list(found.values())
