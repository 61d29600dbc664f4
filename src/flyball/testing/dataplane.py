"""Datasets without a home, for tests of doors and clients: `flights` has a version that is held, and what is decided is remembered."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from flyball.app.dataplane import AsideRows, Readmit, Versions
from flyball.app.deed import Deed, Json
from flyball.core.errors import ConflictError, NotFoundError

FLIGHTS: Json = {
    "name": "flights", "source": "data/flights", "key": ["flight_id"], "event_time": "departs_at", "known": "24h before departs_at",
    "version": 2, "state": "held", "rows": 120, "added": 20, "quarantined": 2, "duplicates": 0, "event": "evt-2",
    "ingested_at": "2013-03-01T00:00:00+00:00", "earliest_event_time": "2013-01-01T00:00:00+00:00",
    "latest_event_time": "2013-02-28T00:00:00+00:00", "accepted": 1, "held": [2], "waiting": 2,
    "freshness": {"event_seconds": 86400.0, "ingest_seconds": 60.0}, "health": "held", "reasons": ["version 2 waits for a person"],
}  # fmt: skip
VERSION: Json = {
    "number": 2, "state": "held", "source": "data/flights", "position": None, "rows": 120, "added": 20, "quarantined": 2, "duplicates": 0,
    "ingested_at": "2013-03-01T00:00:00+00:00", "earliest_event_time": None, "latest_event_time": None, "cause": None, "event": "evt-2",
    "digest": "0" * 64, "table": "dataset.flights.0", "table_version": 1, "failed": ["distance.minimum"],
}  # fmt: skip
ROW: Json = {
    "id": "2-7-0123456789ab", "version": 2, "file": "b.csv", "row": 7, "reasons": ["distance is no number: far"],
    "cells": {"flight_id": "UA 1", "distance": "far"}, "state": "waiting", "repaired": None, "readmitted": None, "why": None, "actor": None,
    "at": None,
}  # fmt: skip
RESULT: Json = {
    "check": "distance.minimum", "kind": "minimum", "severity": "warn", "column": "distance", "passed": False, "skipped": False,
    "checked": 22, "broken": 3, "observed": 0.136, "expected": "at least 17", "message": "3 of 22 rows: distance is below 17",
    "examples": ["12"],
}  # fmt: skip


class StillData:
    """A `DataPlane` in which nothing happens but what its callers do. Thread-safe."""

    def __init__(self) -> None:
        self.deeds: list[tuple[Any, ...]] = []
        self.states = {1: "accepted", 2: "held"}
        self._lock = threading.Lock()

    def list_datasets(self) -> Json:
        return {"datasets": [FLIGHTS]}

    def get_dataset(self, name: str, page: Versions) -> Json:
        self._check(name)
        shown = [number for number in (2, 1) if page.before is None or number < page.before][: page.limit]
        return {"dataset": FLIGHTS, "versions": [self._version(number) for number in shown], "next": None if 1 in shown else 2}

    def get_version(self, name: str, number: int) -> Json:
        self._check(name, number)
        return {
            "version": {**self._version(number), "files": []}, "profile": {"rows": 20, "columns": {}}, "results": [RESULT],
            "contract": {"dataset": "flights", "columns": {}}, "parent": 1 if number == 2 else None, "difference": None,
            "quarantine": {"rows": 2, "reasons": [["distance is no number", 2]], "examples": [ROW]},
        }  # fmt: skip

    def get_difference(self, name: str, before: int, *, after: int) -> Json:
        self._check(name, before, after)
        return {"from": before, "to": after, "rows": [100, 120], "columns": []}

    def get_contract(self, name: str) -> Json:
        self._check(name)
        return {
            "contract": {"dataset": "flights", "columns": {}}, "text": "dataset: flights\n", "digest": "1" * 64, "judged": "1" * 64,
            "path": "flights.yaml",
        }  # fmt: skip

    def list_results(self, name: str, limit: int) -> Json:
        self._check(name)
        del limit
        head = {field: RESULT[field] for field in ("check", "kind", "severity", "column")}
        point = {field: RESULT[field] for field in ("passed", "skipped", "checked", "broken", "observed")}
        return {"checks": [{**head, "results": [{"version": 2, "at": VERSION["ingested_at"], **point}]}]}

    def list_quarantine(self, name: str, wanted: AsideRows) -> Json:
        self._check(name)
        return {"rows": [] if wanted.token else [ROW], "next": None if wanted.token else "more"}

    def list_erasures(self, name: str) -> Json:
        self._check(name)
        return {"erasures": [{"dataset": name, "datasets": [name], "job": "1" * 32 + "-1", "keys": 2, "done": True}]}

    def release(self, name: str, number: int, *, deed: Deed) -> Json:
        return self._decide(name, number, state="accepted", deed=deed)

    def reject(self, name: str, number: int, *, deed: Deed) -> Json:
        return self._decide(name, number, state="rejected", deed=deed)

    def repair(self, name: str, rows: Sequence[tuple[str, Mapping[str, Any]]], *, deed: Deed) -> Json:
        self._check(name)
        self.deeds.append(("repair", dict(rows), deed))
        return {"rows": [{"id": row, "reasons": []} for row, _ in rows]}

    def readmit(self, name: str, wanted: Readmit, *, deed: Deed) -> Json:
        self._check(name)
        self.deeds.append(("readmit", wanted, deed))
        return {"version": self._version(2), "readmitted": len(wanted.ids or [ROW]), "duplicates": 0, "left": []}

    def _decide(self, name: str, number: int, *, state: str, deed: Deed) -> Json:
        self._check(name, number)
        with self._lock:
            if self.states[number] != "held":
                raise ConflictError(f"Version {number} of dataset {name!r} is {self.states[number]} and cannot become {state}.")
            self.states[number] = state
            self.deeds.append((state, number, deed))
        return {"version": self._version(number)}

    def _version(self, number: int) -> Json:
        return {**VERSION, "number": number, "state": self.states[number]}

    def _check(self, name: str, *numbers: int) -> None:
        if name != "flights":
            raise NotFoundError(f"There is no dataset {name!r} here.")
        for number in numbers:
            if number not in self.states:
                raise NotFoundError(f"There is no version {number} here.")
