"""How versions are kept and numbered: what both views of the registry's tables share."""

from __future__ import annotations

from collections.abc import Sequence

from flyball.core.duration import microseconds
from flyball.core.optional import extra
from flyball.registry._rows import file_values, seal_values, version_values
from flyball.registry._sql import models, names, version_files, versions
from flyball.registry.errors import VersionExistsError
from flyball.registry.model import ModelVersion
from flyball.registry.registered import Origin, VersionFile
from flyball.registry.sealing import Sealer

with extra("store"):
    from sqlalchemy import Connection, delete, func, insert, select, update

WHOLE = select(versions, models.c.name).join_from(versions, models, versions.c.model == models.c.id)
"""Every version with the present name of its model."""


def find_id(connection: Connection, name: str) -> int | None:
    """The id of the model that has the name now."""
    return connection.execute(select(models.c.id).where(models.c.name == name)).scalar_one_or_none()


def next_number(connection: Connection, name: str) -> int:
    """The number after the highest that was ever given under the name."""
    return 1 + (connection.execute(select(names.c.last_number).where(names.c.name == name)).scalar_one_or_none() or 0)


def reserve_numbers(connection: Connection, name: str, *, model_id: int, highest: int = 0) -> None:
    """The name is that model's, and no number up to `highest` is given under it any more."""
    last = next_number(connection, name) - 1
    connection.execute(delete(names).where(names.c.name == name))
    connection.execute(insert(names).values(name=name, model=model_id, last_number=max(last, highest)))


def insert_version(
    connection: Connection,
    made: ModelVersion,
    *,
    origin: Origin,
    files: Sequence[VersionFile],
    sealer: Sealer | None,
    description: str = "",
) -> None:
    """Keep a version of a model that exists, with its files and its seal.

    Raises:
        VersionExistsError: the number is taken.
    """
    model_id = connection.execute(select(models.c.id).where(models.c.name == made.model)).scalar_one()
    taken = select(func.count()).select_from(versions).where(versions.c.model == model_id, versions.c.number == made.number)
    if connection.execute(taken).scalar_one():
        raise VersionExistsError(made.model, made.number)
    seal = sealer.seal_version(made, origin, files=files, model_id=model_id) if sealer else None
    now_ms = microseconds(made.created) // 1000
    values = {**version_values(made, origin), **seal_values(seal), "description": description, "stage": "None", "updated_ms": now_ms}
    connection.execute(insert(versions).values(model=model_id, **values))
    connection.execute(update(models).where(models.c.id == model_id).values(updated_ms=now_ms))
    rows = [{"model": model_id, "number": made.number, "ordinal": place, **file_values(file)} for place, file in enumerate(files)]
    if rows:
        connection.execute(insert(version_files), rows)
    reserve_numbers(connection, made.model, model_id=model_id, highest=made.number)
