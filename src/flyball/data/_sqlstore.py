"""Dataset versions and pushes on the home's database, in statements that PostgreSQL understands too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flyball.core.ids import Digest
from flyball.core.optional import extra
from flyball.data._sql import dataset_versions, row_offsets, row_positions, row_pushes
from flyball.data.errors import VersionExistsError, VersionNotFoundError, VersionStateError
from flyball.data.model import MOVES, DatasetVersion, SourceFile, VersionState
from flyball.data.pushes import REMEMBERED, Offsets, Push
from flyball.data.store import Heads
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import RowMapping, case, delete, func, insert, or_, select, true, update

_V, _P, _R, _O = dataset_versions.c, row_pushes.c, row_positions.c, row_offsets.c


class SqlVersions:
    """A `VersionStore` in the table `dataset_versions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, version: DatasetVersion) -> None:
        last = select(func.coalesce(func.max(_V.number), 0)).where(_V.dataset == version.dataset)
        with self._database.write() as connection:
            if version.number != connection.execute(last).scalar_one() + 1:
                raise VersionExistsError(version.dataset, version.number)
            connection.execute(insert(dataset_versions).values(**vars(version)))

    def get(self, dataset: str, number: int) -> DatasetVersion:
        found = self.find(dataset, number)
        if found is None:
            raise VersionNotFoundError(dataset, number, known=[version.number for version in self.list(dataset)])
        return found

    def find(self, dataset: str, number: int) -> DatasetVersion | None:
        with self._database.read() as connection:
            row = connection.execute(select(dataset_versions).where(_V.dataset == dataset, _V.number == number)).mappings().one_or_none()
        return None if row is None else _version(row)

    def list(self, dataset: str | None = None, *, after: int = 0) -> list[DatasetVersion]:
        chosen = select(dataset_versions).where(_V.number > after).order_by(_V.dataset, _V.number)
        if dataset is not None:
            chosen = chosen.where(_V.dataset == dataset)
        with self._database.read() as connection:
            return [_version(row) for row in connection.execute(chosen).mappings()]

    def list_heads(self, dataset: str | None = None) -> Sequence[Heads]:
        mine = true() if dataset is None else _V.dataset == dataset
        accepted = func.max(case((_V.state == VersionState.ACCEPTED.value, _V.number)))
        totals = select(
            _V.dataset, func.max(_V.number).label("newest"), accepted.label("accepted"), func.sum(_V.quarantined).label("aside")
        )
        of = totals.where(mine).group_by(_V.dataset).cte().c
        ends = select(dataset_versions).where(_V.dataset == of.dataset, or_(_V.number == of.newest, _V.number == of.accepted))
        held = select(dataset_versions).where(mine, _V.state == VersionState.HELD.value)
        numbers = select(_V.dataset, _V.number).where(mine, _V.state == VersionState.REJECTED.value)
        rejected: dict[str, set[int]] = defaultdict(set)
        versions: dict[str, dict[int, DatasetVersion]] = defaultdict(dict)
        with self._database.read() as connection:
            aside = {name: int(rows) for name, rows in connection.execute(select(of.dataset, of.aside).order_by(of.dataset))}
            for name, number in connection.execute(numbers):
                rejected[name].add(number)
            for row in (*connection.execute(ends).mappings(), *connection.execute(held).mappings()):
                versions[row["dataset"]][row["number"]] = _version(row)
        return [
            Heads(dataset=name, versions=[found for _, found in sorted(versions[name].items())], quarantined=rows, rejected=rejected[name])
            for name, rows in aside.items()
        ]

    def list_latest(self, dataset: str, *, limit: int, before: int | None = None, judged: bool = False) -> Sequence[DatasetVersion]:
        chosen = select(dataset_versions).where(_V.dataset == dataset).order_by(_V.number.desc()).limit(limit)
        if before is not None:
            chosen = chosen.where(_V.number < before)
        if judged:
            chosen = chosen.where(_V.results.is_not(None))
        with self._database.read() as connection:
            return [_version(row) for row in connection.execute(chosen).mappings()]

    def set(self, version: DatasetVersion) -> None:
        with self._database.write() as connection:
            stored = self.get(version.dataset, version.number)
            if version.state not in MOVES[stored.state]:
                raise VersionStateError(version.dataset, version.number, state=stored.state, asked=version.state)
            chosen = update(dataset_versions).where(_V.dataset == version.dataset, _V.number == version.number)
            connection.execute(chosen.values(state=version.state, event=version.event))


class SqlPushes:
    """A `PushStore` in the tables `row_positions` and `row_pushes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_position(self, dataset: str) -> int:
        with self._database.read() as connection:
            return connection.execute(select(_R.position).where(_R.dataset == dataset)).scalar_one_or_none() or 0

    def find(self, dataset: str, key: str) -> Push | None:
        with self._database.read() as connection:
            row = connection.execute(select(row_pushes).where(_P.dataset == dataset, _P.key == key)).mappings().one_or_none()
        return None if row is None else _push(row)

    def find_offsets(self, dataset: str, stream: str) -> Offsets | None:
        with self._database.read() as connection:
            found = connection.execute(select(_O.offsets).where(_O.dataset == dataset, _O.stream == stream)).scalar_one_or_none()
        return None if found is None else frozenset(found)

    def create(self, dataset: str, position: int, *, pushes: Sequence[Push], offsets: Mapping[str, Offsets] | None = None) -> None:
        with self._database.write() as connection:
            before = self.get_position(dataset)
            if before == 0:
                connection.execute(delete(row_positions).where(_R.dataset == dataset))
                connection.execute(insert(row_positions).values(dataset=dataset, position=position))
            elif position > before:
                connection.execute(update(row_positions).where(_R.dataset == dataset).values(position=position))
            for push in pushes:
                if self.find(dataset, push.key) is None:
                    connection.execute(insert(row_pushes).values(dataset=dataset, **vars(push)))
            connection.execute(delete(row_pushes).where(_P.dataset == dataset, _P.position <= position - REMEMBERED))
            for stream, found in (offsets or {}).items():
                connection.execute(delete(row_offsets).where(_O.dataset == dataset, _O.stream == stream))
                connection.execute(insert(row_offsets).values(dataset=dataset, stream=stream, offsets=sorted(found)))


def _push(row: RowMapping) -> Push:
    facts = {name: value for name, value in row.items() if name != "dataset"}
    quarantined = tuple((number, reason) for number, reason in facts["quarantined"])
    return Push(**{**facts, "quarantined": quarantined, "unexpected": tuple(facts["unexpected"])})


def _version(row: RowMapping) -> DatasetVersion:
    facts = dict(row)
    files = tuple(_file(file) for file in facts["files"])
    added = {"source": facts["source"] or "", "key": tuple(facts["key"] or ())}
    return DatasetVersion(**{**facts, **added, "files": files, "state": VersionState(facts["state"])})


def _file(facts: Mapping[str, Any]) -> SourceFile:
    times = {name: datetime.fromisoformat(facts[name]) for name in ("known_by", "next_known", "arrival") if facts.get(name)}
    return SourceFile(
        name=facts["name"],
        size_bytes=facts["size_bytes"],
        digest=Digest(facts["digest"]),
        left_out=facts.get("left_out", 0),
        position=facts.get("position"),
        **times,
    )
