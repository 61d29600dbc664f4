"""Routes of datasets: versions, evidence, contracts, quarantine, and what a person decides of them."""

from __future__ import annotations

from typing import Annotated, Any

from flyball.api.bodies import Limit, Name, StrictBody, Why
from flyball.api.desk import Desk, deed_of
from flyball.api.doors import Doors
from flyball.app.dataplane import AsideRows, DataPlane, Readmit, Versions
from flyball.core.optional import extra
from flyball.governance import Permission

with extra("control"):
    from fastapi import Path, Query
    from pydantic import Field
    from starlette.requests import Request
    from starlette.responses import Response

MOST_ROWS = 10_000
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Before = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Only versions with smaller numbers.")]
OfVersion = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Only rows that this version set aside.")]
State = Annotated[str | None, Query(max_length=40, description="waiting, repaired or readmitted.")]
Token = Annotated[str | None, Query(max_length=4000, description="What the page before gave as 'next'.")]
RowId = Annotated[str, Field(max_length=100)]


class Decision(StrictBody):
    """Why a person decides so."""

    why: Why = ""


class Repair(StrictBody):
    """Other cells for a row."""

    id: RowId
    cells: dict[str, Any]


class Repairs(StrictBody):
    """Other cells for rows, by their ids."""

    rows: Annotated[list[Repair], Field(max_length=MOST_ROWS)]
    why: Why = ""


class Readmission(StrictBody):
    """Which rows to take: those of `ids`, or all that wait, of one version if one is named."""

    ids: Annotated[list[RowId] | None, Field(max_length=MOST_ROWS)] = None
    version: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    as_declared: bool = False
    why: Why = ""


def add_data(doors: Doors, desk: Desk, *, data: DataPlane) -> None:
    """What one sees of datasets, and what one decides."""
    _add_looks(doors, desk, data=data)
    _add_erasures(doors, desk, data=data)
    _add_quarantine(doors, desk, data=data)

    @doors.route("POST /api/v1/datasets/{name}/versions/{number}/release", Permission.RELEASE)
    async def release_version(request: Request, *, name: Name, number: Number, body: Decision) -> Response:
        """Take a held version as it is."""
        return await desk.tell(lambda: data.release(name, number, deed=deed_of(request, body.why)), slow=True)

    @doors.route("POST /api/v1/datasets/{name}/versions/{number}/reject", Permission.RELEASE)
    async def reject_version(request: Request, *, name: Name, number: Number, body: Decision) -> Response:
        """Never take a held version."""
        return await desk.tell(lambda: data.reject(name, number, deed=deed_of(request, body.why)), slow=True)


def _add_looks(doors: Doors, desk: Desk, *, data: DataPlane) -> None:
    @doors.route("GET /api/v1/datasets/{name}", Permission.READ)
    async def get_dataset(name: Name, *, limit: Limit = 50, before: Before = None) -> Response:
        """One dataset with its versions, newest first."""
        return await desk.tell(lambda: data.get_dataset(name, Versions(limit, before)))

    @doors.route("GET /api/v1/datasets/{name}/versions/{number}", Permission.READ)
    async def get_dataset_version(name: Name, number: Number) -> Response:
        """The evidence on one version: facts, profile, results, contract, quarantined rows, the difference to its parent."""
        return await desk.tell(lambda: data.get_version(name, number), slow=True)

    @doors.route("GET /api/v1/datasets/{name}/versions/{number}/difference/{other}", Permission.READ)
    async def get_difference(name: Name, number: Number, *, other: Number) -> Response:
        """What is other in the content of version `other` than in that of version `number`, by column."""
        return await desk.tell(lambda: data.get_difference(name, number, after=other), slow=True)

    @doors.route("GET /api/v1/datasets/{name}/contract", Permission.READ)
    async def get_contract(name: Name) -> Response:
        """The contract that judges the next rows."""
        return await desk.tell(lambda: data.get_contract(name))

    @doors.route("GET /api/v1/datasets/{name}/results", Permission.READ)
    async def list_results(name: Name, *, limit: Limit = 50) -> Response:
        """What came of each check in the last versions."""
        return await desk.tell(lambda: data.list_results(name, limit), slow=True)


def _add_erasures(doors: Doors, desk: Desk, *, data: DataPlane) -> None:
    @doors.route("GET /api/v1/datasets/{name}/erasures", Permission.READ)
    async def list_erasures(name: Name) -> Response:
        """The certificates of what was erased, oldest first."""
        return await desk.tell(lambda: data.list_erasures(name))


def _add_quarantine(doors: Doors, desk: Desk, *, data: DataPlane) -> None:
    @doors.route("GET /api/v1/datasets/{name}/quarantine", Permission.READ)
    async def list_quarantine(
        name: Name, *, version: OfVersion = None, state: State = None, limit: Limit = 100, token: Token = None
    ) -> Response:
        """Rows that were set aside, newest version first."""
        return await desk.tell(lambda: data.list_quarantine(name, AsideRows(version, state, limit, token)), slow=True)

    @doors.route("POST /api/v1/datasets/{name}/quarantine/repair", Permission.INGEST)
    async def repair_rows(request: Request, *, name: Name, body: Repairs) -> Response:
        """Give quarantined rows other cells; they stay where they are until they are re-admitted."""
        rows = [(row.id, row.cells) for row in body.rows]
        return await desk.tell(lambda: data.repair(name, rows, deed=deed_of(request, body.why)), slow=True)

    @doors.route("POST /api/v1/datasets/{name}/quarantine/readmit", Permission.INGEST)
    async def readmit_rows(request: Request, *, name: Name, body: Readmission) -> Response:
        """Take quarantined rows into a new version, each at most once."""
        wanted = Readmit(body.ids, body.version, body.as_declared)
        return await desk.tell(lambda: data.readmit(name, wanted, deed=deed_of(request, body.why)), slow=True)
