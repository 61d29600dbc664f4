"""Registered models on the home's database; plain SQLAlchemy Core, over the tables that `SqlRegistry` keeps versions in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from flyball.core.ids import Digest
from flyball.core.optional import extra
from flyball.registry._rows import damage_told, file_of, seal_of, version_of
from flyball.registry._searching import Searched
from flyball.registry._sql import evidence, model_aliases, model_tags, models, names, version_files, version_tags, versions
from flyball.registry._versions import WHOLE, find_id, insert_version, next_number, reserve_numbers
from flyball.registry.errors import VersionDamagedError
from flyball.registry.query import Query, facts_of, matches
from flyball.registry.refusals import ModelExistsError
from flyball.registry.registered import RegisteredModel, RegisteredVersion, Seal, VersionFile
from flyball.registry.sealing import Sealer
from flyball.storage.database import Database
from flyball.tracking.search import Operator

with extra("store"):
    from sqlalchemy import BigInteger, Connection, Row, Select, Table, and_, delete, func, insert, select, type_coerce, update

_MODELS = Searched(
    {"name": models.c.name, "creation_timestamp": models.c.created_ms, "last_updated_timestamp": models.c.updated_ms},
    model_tags,
    ((model_tags.c.model, models.c.id),),
)
_VERSIONS = Searched(
    {
        "name": models.c.name,
        "version_number": versions.c.number,
        "run_id": versions.c.run,
        "source_path": versions.c.source,
        "creation_timestamp": type_coerce(versions.c.created, BigInteger),  # microseconds, as the tokens of pages have them
        "last_updated_timestamp": versions.c.updated_ms,
    },
    version_tags,
    ((version_tags.c.model, versions.c.model), (version_tags.c.number, versions.c.number)),
)
_BATCH = 500
_LIKE = frozenset({Operator.LIKE, Operator.ILIKE})
T = TypeVar("T", RegisteredModel, RegisteredVersion)


class SqlModels:
    """A `ModelStore` in the tables `registered_…`; with a `sealer`, versions are signed in the transaction that makes them."""

    def __init__(self, database: Database, sealer: Sealer | None = None) -> None:
        self._database, self._sealer = database, sealer

    # -- models

    def create(self, name: str, *, description: str, tags: Mapping[str, str], now_ms: int) -> RegisteredModel:
        with self._database.write() as connection:
            if find_id(connection, name) is not None:
                raise ModelExistsError(name)
            connection.execute(insert(models).values(name=name, description=description, created_ms=now_ms, updated_ms=now_ms))
            for key, value in tags.items():
                self.set_tag(name, key, value=value)
            made = _models(connection, connection.execute(select(models).where(models.c.name == name)).all())[0]
            reserve_numbers(connection, name, model_id=made.id)
            return made

    def find(self, name: str) -> RegisteredModel | None:
        with self._database.read() as connection:
            rows = connection.execute(select(models).where(models.c.name == name)).all()
            return _models(connection, rows)[0] if rows else None

    def find_name(self, model_id: int) -> str | None:
        with self._database.read() as connection:
            return connection.execute(select(models.c.name).where(models.c.id == model_id)).scalar_one_or_none()

    def set(self, model: RegisteredModel) -> None:
        with self._database.write() as connection:
            lowest, highest = connection.execute(
                select(func.min(versions.c.number), func.max(versions.c.number)).where(versions.c.model == model.id)
            ).one()
            holder = find_id(connection, model.name)
            if holder not in {None, model.id} or _given_before(connection, model, lowest=lowest):
                raise ModelExistsError(model.name)
            values = {name: getattr(model, name) for name in ("name", "description", "updated_ms", "managed_by")}
            connection.execute(update(models).where(models.c.id == model.id).values(values))
            reserve_numbers(connection, model.name, model_id=model.id, highest=highest or 0)

    def delete(self, name: str) -> None:
        with self._database.write() as connection:
            model_id = find_id(connection, name)
            for table in (evidence, version_files, version_tags, versions, model_aliases, model_tags):
                connection.execute(delete(table).where(table.c.model == model_id))
            connection.execute(delete(models).where(models.c.id == model_id))

    def set_tag(self, name: str, key: str, *, value: str) -> None:
        with self._database.write() as connection:
            _put(connection, model_tags, place={"model": find_id(connection, name), "key": key}, values={"value": value})

    def delete_tag(self, name: str, key: str) -> None:
        with self._database.write() as connection:
            here = (model_tags.c.model == find_id(connection, name), model_tags.c.key == key)
            connection.execute(delete(model_tags).where(*here))

    def set_alias(self, name: str, alias: str, *, number: int) -> None:
        with self._database.write() as connection:
            _put(connection, model_aliases, place={"model": find_id(connection, name), "alias": alias}, values={"number": number})

    def delete_alias(self, name: str, alias: str) -> None:
        with self._database.write() as connection:
            here = (model_aliases.c.model == find_id(connection, name), model_aliases.c.alias == alias)
            connection.execute(delete(model_aliases).where(*here))

    # -- versions

    def next_number(self, name: str) -> int:
        with self._database.read() as connection:
            return next_number(connection, name)

    def create_version(self, version: RegisteredVersion, files: Sequence[VersionFile]) -> RegisteredVersion:
        name, number = version.name, version.number
        with self._database.write() as connection:
            origin, said = version.origin, version.description
            insert_version(connection, version.made, origin=origin, files=files, sealer=self._sealer, description=said)
            for key, value in version.own_tags.items():
                self.set_version_tag(name, number, key=key, value=value)
            return _versions(connection, connection.execute(_one(name, number)).all())[0]

    def find_version(self, name: str, number: int) -> RegisteredVersion | None:
        with self._database.read() as connection, damage_told(name, number):
            found = _versions(connection, connection.execute(_one(name, number)).all())
            return found[0] if found else None

    def list_versions(self, name: str) -> list[RegisteredVersion]:
        with self._database.read() as connection:
            rows = connection.execute(WHOLE.where(models.c.name == name).order_by(versions.c.number)).all()
            return _versions(connection, rows)

    def list_files(self, name: str, number: int) -> list[VersionFile]:
        found = select(version_files).join_from(version_files, models, version_files.c.model == models.c.id)
        with self._database.read() as connection, damage_told(name, number):
            here = found.where(models.c.name == name, version_files.c.number == number)
            rows = connection.execute(here.order_by(version_files.c.ordinal)).all()
            if [row.ordinal for row in rows] != list(range(len(rows))):
                raise VersionDamagedError(name, number, why="its files are not numbered from 0 on")
            return [file_of(row) for row in rows]

    def list_having(self, path: str) -> list[tuple[str, int, Digest]]:
        c = version_files.c
        found = select(models.c.name, c.number, c.digest).join_from(version_files, models, c.model == models.c.id).where(c.path == path)
        with self._database.read() as connection:
            return [(row.name, row.number, Digest(row.digest)) for row in connection.execute(found.order_by(models.c.name, c.number))]

    def set_version(self, version: RegisteredVersion) -> None:
        with self._database.write() as connection:
            here = (versions.c.model == find_id(connection, version.name), versions.c.number == version.number)
            values = {"description": version.description, "stage": version.stage.value, "updated_ms": version.updated_ms}
            connection.execute(update(versions).where(*here).values(values))

    def delete_version(self, name: str, number: int) -> None:
        with self._database.write() as connection:
            model_id = find_id(connection, name)
            for table in (evidence, version_files, version_tags, versions, model_aliases):
                connection.execute(delete(table).where(table.c.model == model_id, table.c.number == number))

    def set_version_tag(self, name: str, number: int, *, key: str, value: str) -> None:
        with self._database.write() as connection:
            place = {"model": find_id(connection, name), "number": number, "key": key}
            _put(connection, version_tags, place=place, values={"value": value})

    def delete_version_tag(self, name: str, number: int, *, key: str) -> None:
        with self._database.write() as connection:
            c = version_tags.c
            here = (c.model == find_id(connection, name), c.number == number, c.key == key)
            connection.execute(delete(version_tags).where(*here))

    def find_evidence_seal(self, name: str, number: int) -> Seal | None:
        found = select(evidence).join_from(evidence, models, evidence.c.model == models.c.id)
        with self._database.read() as connection, damage_told(name, number):
            row = connection.execute(found.where(models.c.name == name, evidence.c.number == number)).one_or_none()
            return None if row is None else seal_of(row)

    # -- searches

    def search(self, query: Query) -> list[RegisteredModel]:
        with self._database.read() as connection:
            rows = connection.execute(_limited(_MODELS.narrowed(select(models), query), query))
            return _taken(query, (_models(connection, batch) for batch in rows.partitions(_BATCH)))

    def search_versions(self, query: Query) -> list[RegisteredVersion]:
        with self._database.read() as connection:
            rows = connection.execute(_limited(_VERSIONS.narrowed(WHOLE, query), query))
            return _taken(query, (_versions(connection, batch) for batch in rows.partitions(_BATCH)))

    def list_blobs(self) -> Iterator[Digest]:
        with self._database.read() as connection:
            found = select(version_files.c.digest).distinct().order_by(version_files.c.digest)
            yield from (Digest(digest) for digest in connection.execute(found).scalars().all())


def _one(name: str, number: int) -> Select[Any]:
    return WHOLE.where(models.c.name == name, versions.c.number == number)


def _given_before(connection: Connection, model: RegisteredModel, *, lowest: int | None) -> bool:
    """Whether a version of the model would have the name and number of one that another model had."""
    row = connection.execute(select(names).where(names.c.name == model.name)).one_or_none()
    return row is not None and lowest is not None and row.model != model.id and lowest <= row.last_number


def _put(connection: Connection, table: Table, *, place: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """The row at the primary key `place` has these values; nothing happens where what it belongs to is not there."""
    if None in place.values():
        return
    connection.execute(delete(table).where(*(table.c[name] == value for name, value in place.items())))
    connection.execute(insert(table).values(**place, **values))


def _models(connection: Connection, rows: Sequence[Row[Any]]) -> list[RegisteredModel]:
    ids = [row.id for row in rows]
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    aliases: dict[int, dict[str, int]] = defaultdict(dict)
    latest: dict[int, list[RegisteredVersion]] = defaultdict(list)
    for tag in connection.execute(select(model_tags).where(model_tags.c.model.in_(ids)).order_by(model_tags.c.key)):
        tags[tag.model][tag.key] = tag.value
    for alias in connection.execute(select(model_aliases).where(model_aliases.c.model.in_(ids)).order_by(model_aliases.c.alias)):
        aliases[alias.model][alias.alias] = alias.number
    for version in _versions(connection, connection.execute(_latest(ids)).all()):
        latest[version.model_id].append(version)
    return [
        RegisteredModel(
            id=row.id,
            name=row.name,
            description=row.description,
            created_ms=row.created_ms,
            updated_ms=row.updated_ms,
            tags=tags[row.id],
            aliases=aliases[row.id],
            latest=tuple(latest[row.id]),
            managed_by=row.managed_by,
        )
        for row in rows
    ]


def _latest(ids: Sequence[int]) -> Select[Any]:
    """The highest version of each stage of these models, by number."""
    highest = (
        select(versions.c.model, func.max(versions.c.number).label("number"))
        .where(versions.c.model.in_(ids))
        .group_by(versions.c.model, versions.c.stage)
        .subquery()
    )
    same = and_(versions.c.model == highest.c.model, versions.c.number == highest.c.number)
    return WHOLE.join(highest, same).order_by(versions.c.number)


def _versions(connection: Connection, rows: Sequence[Row[Any]]) -> list[RegisteredVersion]:
    ids, numbers = {row.model for row in rows}, {row.number for row in rows}
    tags: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    aliases: dict[tuple[int, int], list[str]] = defaultdict(list)
    c = version_tags.c
    for tag in connection.execute(select(version_tags).where(c.model.in_(ids), c.number.in_(numbers)).order_by(c.key)):
        tags[tag.model, tag.number][tag.key] = tag.value
    for alias in connection.execute(select(model_aliases).where(model_aliases.c.model.in_(ids)).order_by(model_aliases.c.alias)):
        aliases[alias.model, alias.number].append(alias.alias)
    places = [(row.model, row.number) for row in rows]
    return [version_of(row, tags=tags[place], aliases=tuple(aliases[place])) for row, place in zip(rows, places, strict=True)]


def _limited(statement: Select[Any], query: Query) -> Select[Any]:
    undecided = any(clause.operator in _LIKE for clause in query.clauses)
    return statement if undecided else statement.limit(query.limit)


def _taken(query: Query, batches: Iterable[Sequence[T]]) -> list[T]:
    """The first rows that the database left and that match."""
    undecided = [clause for clause in query.clauses if clause.operator in _LIKE]
    found: list[T] = []
    for batch in batches:
        for item in batch:
            facts, tags = facts_of(item)
            if all(matches(clause, facts, tags=tags) for clause in undecided):
                found.append(item)
                if len(found) == query.limit:
                    return found
    return found
