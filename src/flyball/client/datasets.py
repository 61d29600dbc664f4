"""Datasets of a control plane: versions, evidence, contracts, quarantine, and what a person decides of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyball.client.wire import Ask, Json, Wire, part

_LONG_SECONDS = 300.0
_PULL_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class AsideQuery:
    """Which quarantined rows: of one version, in one state (waiting, repaired, readmitted), and which page of them."""

    version: int | None = None
    state: str | None = None
    limit: int = 100
    token: str | None = None


class DatasetsClient:
    """A door to datasets over `wire`; in the name of whom `session` belongs to, else the wire's own.

    Every method raises a `ClientError`. The forms of the answers stand in docs/reference/http.md. Thread-safe.
    """

    def __init__(self, wire: Wire, *, session: str | None = None) -> None:
        self._wire = wire
        self._headers = {"Authorization": f"Bearer {session}"} if session else {}

    def list_datasets(self) -> list[Json]:
        """Every dataset with its latest version, freshness and health."""
        return self._wire.ask_list(Ask("GET", "/api/v1/datasets", headers=self._headers), "datasets")

    def push(self, dataset: str, content: bytes, *, content_type: str, key: str | None = None, visible: bool = False) -> Json:
        """As `Client.push_rows`, of rows that are written down already: JSON, NDJSON, CSV or an Arrow stream, as the media type says."""
        headers = {**self._headers, "Content-Type": content_type, **({} if key is None else {"Idempotency-Key": key})}
        params = {"visible": "true"} if visible else None
        return self._wire.ask(Ask("POST", f"/api/v1/datasets/{part(dataset)}/rows", params, body=content, headers=headers))

    def get_dataset(self, name: str, *, limit: int = 50, before: int | None = None) -> Json:
        """{"dataset", "versions", "next"}: versions newest first, `next` for `before`."""
        return self._get(_path(name), limit=limit, before=before)

    def get_version(self, name: str, number: int) -> Json:
        """The evidence on one version."""
        return self._get(_path(name, "versions", number))

    def get_difference(self, name: str, before: int, *, after: int) -> Json:
        """What is other in the content of version `after`."""
        return self._get(_path(name, "versions", before, "difference", after))

    def pull_dataset(self, name: str) -> Json:
        """The version that the dataset's source now makes, and whether it is "new"; as long as that takes, up to an hour."""
        return self._wire.ask(Ask("POST", _path(name, "pull"), headers=self._headers, wait_seconds=_PULL_SECONDS))

    def get_contract(self, name: str) -> Json:
        """{"contract", "text", "digest", "judged", "path"}."""
        return self._get(_path(name, "contract"))

    def list_results(self, name: str, *, limit: int = 50) -> list[Json]:
        """Each check with its results in the last versions, oldest first."""
        found: list[Json] = self._get(_path(name, "results"), limit=limit)["checks"]
        return found

    def list_quarantine(self, name: str, query: AsideQuery) -> Json:
        """{"rows", "next"}: a page of rows that were set aside."""
        return self._get(_path(name, "quarantine"), version=query.version, state=query.state, limit=query.limit, token=query.token)

    def quarantined(self, name: str, *, version: int | None = None, state: str | None = None) -> Iterator[Json]:
        """All rows that were set aside, page by page."""
        token = None
        while True:
            page = self.list_quarantine(name, AsideQuery(version, state, limit=1000, token=token))
            yield from page["rows"]
            token = page["next"]
            if token is None:
                return

    def list_erasures(self, name: str) -> list[Json]:
        """The certificates of what was erased of the dataset and of those with its key, oldest first."""
        found: list[Json] = self._get(_path(name, "erasures"))["erasures"]
        return found

    def release(self, name: str, number: int, *, why: str = "") -> Json:
        """The version after a held one was taken as it is."""
        found: Json = self._post(_path(name, "versions", number, "release"), {"why": why})["version"]
        return found

    def reject(self, name: str, number: int, *, why: str = "") -> Json:
        """The version, which is never taken."""
        found: Json = self._post(_path(name, "versions", number, "reject"), {"why": why})["version"]
        return found

    def repair(self, name: str, repairs: Mapping[str, Mapping[str, Any]], *, why: str = "") -> list[Json]:
        """Give rows other cells, by id: of each what the contract would still refuse."""
        rows = [{"id": row, "cells": dict(cells)} for row, cells in repairs.items()]
        found: list[Json] = self._post(_path(name, "quarantine", "repair"), {"rows": rows, "why": why})["rows"]
        return found

    def readmit(
        self, name: str, ids: Sequence[str] | None = None, *, version: int | None = None, as_declared: bool = False, why: str = ""
    ) -> Json:
        """{"version", "readmitted", "duplicates", "left"}: rows of `ids`, or all that wait, are in the dataset."""
        body = {"ids": None if ids is None else list(ids), "version": version, "as_declared": as_declared, "why": why}
        return self._post(_path(name, "quarantine", "readmit"), body)

    def _get(self, path: str, /, **params: Any) -> Json:
        given = {name: value for name, value in params.items() if value is not None}
        return self._wire.ask(Ask("GET", path, given, headers=self._headers, wait_seconds=_LONG_SECONDS))

    def _post(self, path: str, body: Json) -> Json:
        return self._wire.ask(Ask("POST", path, body=body, headers=self._headers, wait_seconds=_LONG_SECONDS))


def _path(name: str, *steps: str | int) -> str:
    return "/".join(["/api/v1/datasets", part(name), *map(str, steps)])
