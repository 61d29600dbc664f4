"""Artifacts on the home's database; plain SQLAlchemy Core."""

from __future__ import annotations

import builtins
from typing import Any

from flyball.core.ids import Digest
from flyball.core.optional import extra
from flyball.storage.database import Database
from flyball.tracking._artifacts_sql import artifact_files as files
from flyball.tracking._artifacts_sql import artifact_parts as parts
from flyball.tracking._artifacts_sql import artifact_uploads as uploads
from flyball.tracking._sql import experiments, logged_models, tracked_runs
from flyball.tracking.artifact import ArtifactFile, Entry, Part, Root, RootKind, Upload
from flyball.tracking.artifacterrors import ArtifactPlaceTakenError
from flyball.tracking.experiment import Lifecycle

with extra("store"):
    from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, or_, select, true, update

_AT_ONCE = 1000
_AFTER_SLASH = "0"  # the character after "/": what begins with "a/" is at least "a/" and less than "a0"


def _owners(kind: RootKind) -> Any:
    return tracked_runs if kind is RootKind.RUN else logged_models


def _of(root: Root) -> ColumnElement[bool]:
    return and_(files.c.kind == root.kind.value, files.c.owner == root.id)


def _below(path: str) -> ColumnElement[bool]:
    if not path:
        return files.c.path > ""
    return and_(files.c.path >= path + "/", files.c.path < path + _AFTER_SLASH)


def _at_or_below(path: str) -> ColumnElement[bool]:
    return or_(files.c.path == path, _below(path)) if path else _below(path)


def _file(row: Row[Any]) -> ArtifactFile:
    return ArtifactFile(
        path=row.path,
        digest=Digest(row.digest),
        size=row.size,
        uploader=row.uploader,
        may_run_code=bool(row.may_run_code),
        uploaded_ms=row.uploaded_ms,
    )


class SqlArtifacts:
    """An `ArtifactStore` in the tables `artifact_files`, `artifact_uploads` and `artifact_parts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_root(self, kind: RootKind, owner: str) -> Root | None:
        table = _owners(kind)
        with self._database.read() as connection:
            found = connection.execute(select(table.c.experiment).where(table.c.id == owner)).scalar_one_or_none()
        return None if found is None else Root(kind, str(found), owner)

    def find_lifecycle(self, root: Root) -> Lifecycle | None:
        table = _owners(root.kind)
        asked = select(table.c.lifecycle, experiments.c.lifecycle.label("around")).join_from(table, experiments)
        asked = asked.where(table.c.id == root.id, table.c.experiment == int(root.experiment))
        with self._database.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            return None
        return Lifecycle.DELETED if Lifecycle.DELETED in {row.lifecycle, row.around} else Lifecycle.ACTIVE

    def set(self, root: Root, file: ArtifactFile) -> None:
        values = {
            "digest": file.digest, "size": file.size, "uploader": file.uploader,
            "may_run_code": int(file.may_run_code), "uploaded_ms": file.uploaded_ms,
        }  # fmt: skip
        with self._database.write() as connection:
            changed = connection.execute(update(files).where(_of(root), files.c.path == file.path).values(values))
            if changed.rowcount == 1:
                return
            _check_place(connection, root, path=file.path)
            connection.execute(insert(files).values(kind=root.kind.value, owner=root.id, path=file.path, **values))

    def find(self, root: Root, path: str) -> ArtifactFile | None:
        with self._database.read() as connection:
            row = connection.execute(select(files).where(_of(root), files.c.path == path)).one_or_none()
        return None if row is None else _file(row)

    def list(self, root: Root, path: str = "") -> builtins.list[ArtifactFile]:
        with self._database.read() as connection:
            rows = connection.execute(select(files).where(_of(root), _at_or_below(path)).order_by(files.c.path))
            return [_file(row) for row in rows]

    def list_entries(self, root: Root, path: str = "") -> builtins.list[Entry]:
        found = self.find(root, path) if path else None
        if found is not None:
            return [Entry(path, is_dir=False, size=found.size)]
        with self._database.read() as connection:
            return sorted(_entries(connection, root, path=path), key=lambda entry: entry.path)

    def delete(self, root: Root, path: str = "") -> int:
        with self._database.write() as connection:
            return connection.execute(delete(files).where(_of(root), _at_or_below(path))).rowcount

    # -- uploads in parts

    def create_upload(self, upload: Upload) -> None:
        with self._database.write() as connection:
            connection.execute(
                insert(uploads).values(
                    id=upload.id, kind=upload.root.kind.value, experiment=upload.root.experiment, owner=upload.root.id, path=upload.path,
                    uploader=upload.uploader, may_run_code=int(upload.may_run_code), secret_digest=upload.secret_digest,
                    expires_ms=upload.expires_ms,
                )
            )  # fmt: skip

    def find_upload(self, upload: str) -> Upload | None:
        with self._database.read() as connection:
            row = connection.execute(select(uploads).where(uploads.c.id == upload)).one_or_none()
        if row is None:
            return None
        return Upload(
            id=row.id,
            root=Root(RootKind(row.kind), row.experiment, row.owner),
            path=row.path,
            uploader=row.uploader,
            may_run_code=bool(row.may_run_code),
            secret_digest=Digest(row.secret_digest),
            expires_ms=row.expires_ms,
        )

    def count_uploads(self, root: Root, *, now_ms: int) -> int:
        open_ones = and_(uploads.c.kind == root.kind.value, uploads.c.owner == root.id, uploads.c.expires_ms > now_ms)
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(uploads).where(open_ones)).scalar_one()

    def set_part(self, upload: str, part: Part) -> bool:
        with self._database.write() as connection:
            if connection.execute(select(uploads.c.id).where(uploads.c.id == upload)).first() is None:
                return False
            connection.execute(delete(parts).where(parts.c.upload == upload, parts.c.number == part.number))
            connection.execute(insert(parts).values(upload=upload, number=part.number, digest=part.digest, size=part.size))
            return True

    def list_parts(self, upload: str) -> builtins.list[Part]:
        with self._database.read() as connection:
            rows = connection.execute(select(parts).where(parts.c.upload == upload).order_by(parts.c.number))
            return [Part(row.number, Digest(row.digest), row.size) for row in rows]

    def delete_upload(self, upload: str) -> bool:
        with self._database.write() as connection:
            connection.execute(delete(parts).where(parts.c.upload == upload))
            return connection.execute(delete(uploads).where(uploads.c.id == upload)).rowcount == 1

    def delete_expired_uploads(self, now_ms: int) -> int:
        expired = uploads.c.expires_ms <= now_ms
        with self._database.write() as connection:
            connection.execute(delete(parts).where(parts.c.upload.in_(select(uploads.c.id).where(expired))))
            return connection.execute(delete(uploads).where(expired)).rowcount


def _check_place(connection: Connection, root: Root, *, path: str) -> None:
    names = path.split("/")
    above = ["/".join(names[:count]) for count in range(1, len(names))]
    taken = connection.execute(select(files.c.path).where(_of(root), files.c.path.in_(above))).scalar() if above else None
    if taken is not None:
        raise ArtifactPlaceTakenError(path, taken, is_dir=False)
    if connection.execute(select(files.c.path).where(_of(root), _below(path)).limit(1)).first() is not None:
        raise ArtifactPlaceTakenError(path, path, is_dir=True)


def _entries(connection: Connection, root: Root, *, path: str) -> builtins.list[Entry]:
    """The names below the directory, by skipping over all that lies below a name: a look-up for each directory, few for many files."""
    prefix = path + "/" if path else ""
    found: builtins.list[Entry] = []
    end = files.c.path < path + _AFTER_SLASH if path else true()
    after, asked = _below(path), 1
    while True:
        rows = connection.execute(select(files.c.path, files.c.size).where(_of(root), after).order_by(files.c.path).limit(asked)).all()
        for at, size in rows:
            name, slash, _ = at.removeprefix(prefix).partition("/")
            here = prefix + name
            if slash:
                found.append(Entry(here, is_dir=True))
                after, asked = and_(files.c.path >= here + _AFTER_SLASH, end), 1  # beside a directory there is often another
                break
            found.append(Entry(here, is_dir=False, size=size))
            after = and_(files.c.path > at, end)  # one lower bound alone: of two, SQLite begins at the first
        else:
            if len(rows) < asked:
                return found
            asked = min(asked * 4, _AT_ONCE)
