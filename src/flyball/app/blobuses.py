"""Who refers to content: every column of every room that names blobs, in one list, and what is in them now.

A sweep believes this list. So each column that could hold a digest stands in `USES` or in `NO_BLOBS`; a test fails for one that
stands in neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flyball.core.optional import extra
from flyball.registry.service import version_subject
from flyball.serving.converting import CONVERTED
from flyball.storage.database import Database
from flyball.storage.garbage import UsedDigests

with extra("store"):
    from sqlalchemy import ColumnClause, Connection, TableClause, column, select, table

_DIGEST = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{64}(?![0-9A-Za-z])")
_AT_ONCE = 10_000
_OF_CONVERSIONS = (
    ("registered_models", ("id", "name")),
    ("registered_versions", ("model", "number")),
    ("events", ("position", "type", "subject", "data")),
)


@dataclass(frozen=True, slots=True)
class BlobUse:
    """A column that names blobs: one by its digest, or those whose digests stand somewhere in its text.

    Only rows whose `state` is one of `states` count, where there are any.
    """

    table: str
    column: str
    what: str
    states: tuple[str, ...] = ()


USES = (
    BlobUse("artifact_files", "digest", "artifacts of runs and logged models"),
    BlobUse("artifact_parts", "digest", "parts of open uploads"),
    BlobUse("dataset_versions", "contract", "contracts of dataset versions"),
    BlobUse("dataset_versions", "profile", "profiles of dataset versions"),
    BlobUse("dataset_versions", "results", "results of the checks of dataset versions"),
    BlobUse("dataset_versions", "sketches", "sketches of dataset versions"),
    BlobUse("deployments", "deployment", "deployments"),
    BlobUse("erasures", "certificate", "certificates of erasures"),
    BlobUse("jobs", "payload", "jobs under way", ("queued", "leased", "running")),
    BlobUse("monitoring_windows", "content", "monitoring windows"),
    BlobUse("quarantine_decisions", "batch", "rows under re-admission"),
    BlobUse("registered_evidence", "evidence", "evidence of model versions"),
    BlobUse("registered_files", "digest", "files of model versions"),
    BlobUse("registered_versions", "digest", "models of versions"),
    BlobUse("rollouts", "rollout", "rollouts"),
    BlobUse("steps", "outputs", "outputs of finished steps"),
    BlobUse("tracked_runs", "details", "artifacts of trainings"),
)
"""Every column that keeps blobs alive."""

_RETIRED = "a table that was copied into another and is not read any more"
NO_BLOBS: Mapping[tuple[str, str], str] = {
    ("artifact_uploads", "secret_digest"): "of a secret",
    ("dataset_versions", "digest"): "of the rows, which lie in a table",
    ("dataset_versions", "files"): "of the user's own files",
    ("dataset_versions", "key"): "names of columns",
    ("dataset_versions", "position"): "a place in a source",
    ("dataset_versions", "source"): "a place",
    ("deployments", "environment"): "a name",
    ("erasures", "actor"): "a name",
    ("erasures", "found"): "counts of rows by the names of tables and versions",
    ("erasures", "job"): "a digest of keyed digests",
    ("erasures", "why"): "a person's words",
    ("erased_keys", "job"): "the name of an erasure",
    ("erased_keys", "mark"): "a keyed digest of a key",
    ("events", "data"): "what happened, not what is needed, and it outlives that; but for conversions, which `find_used` asks for",
    ("jobs", "result"): "what came of a job stands in its own table",
    ("model_versions", "data_versions"): _RETIRED,
    ("model_versions", "digest"): _RETIRED,
    ("model_versions", "environment"): _RETIRED,
    ("model_versions", "feature_fingerprint"): _RETIRED,
    ("model_versions", "training_digest"): _RETIRED,
    ("quarantine_decisions", "cells"): "a person's cells",
    ("quarantine_decisions", "row"): "the id of a row",
    ("quarantine_decisions", "why"): "a person's words",
    ("registered_evidence", "signing_key"): "of a key",
    ("registered_versions", "data_versions"): "numbers",
    ("registered_versions", "datasets"): "of rows, which lie in tables or elsewhere",
    ("registered_versions", "environment"): "of a list of packages",
    ("registered_versions", "feature_fingerprint"): "of a definition",
    ("registered_versions", "signing_key"): "of a key",
    ("registered_versions", "training_digest"): "of the rows trained on",
    ("rewards", "prediction"): "the id of an answer",
    ("rollouts", "environment"): "a name",
    ("row_offsets", "offsets"): "places in a stream",
    ("row_pushes", "digest"): "of a request",
    ("row_pushes", "quarantined"): "reasons",
    ("row_pushes", "unexpected"): "names",
    ("run_datasets", "tags"): "texts of clients",
    ("run_params", "head"): "texts of clients",
    ("run_tags", "head"): "texts of clients",
    ("runs", "artifacts"): _RETIRED,
    ("runs", "parameters"): _RETIRED,
    ("runs", "summary"): _RETIRED,
    ("runs", "tags"): _RETIRED,
    ("steps", "key"): "the fingerprint of a step",
    ("steps", "summary"): "figures",
    ("tokens", "digest"): "of a secret",
    ("tracked_datasets", "digest"): "a client's own",
    ("version_evidence", "evidence"): _RETIRED,
}
"""Columns that could hold the digest of a blob, and do not."""

NAMES = frozenset({
    "id", "name", "live_name", "owner", "run", "model", "dataset", "upload", "cause", "event", "kind", "project",
    "source_run", "logged_model", "dataset_digest",
})  # fmt: skip
"""Columns that name something else by these names, whatever their table."""


def find_used(database: Database) -> UsedDigests:
    """All digests that the database's rows refer to, at one moment."""
    used = UsedDigests()
    with database.read() as connection:
        for use in USES:
            named: ColumnClause[str] = column(use.column)
            asked = select(named).select_from(table(use.table)).where(named.is_not(None))
            if use.states:
                asked = asked.where(column("state").in_(use.states))
            for values in connection.execute(asked.execution_options(yield_per=_AT_ONCE)).scalars().partitions():
                used.add(_found(values))
        used.add(_conversions(connection))
    return used


def _conversions(connection: Connection) -> Iterator[str]:
    """What stands in for the files of versions that there are: told by the last event of each."""
    models, versions, events = (_columns(name, *columns) for name, columns in _OF_CONVERSIONS)
    named = select(models.c.name, versions.c.number).select_from(versions.join(models, models.c.id == versions.c.model))
    there = {version_subject(row.name, row.number) for row in connection.execute(named)}
    told = select(events.c.subject, events.c.data).where(events.c.type == CONVERTED).order_by(events.c.position)
    last = {row.subject: row.data for row in connection.execute(told)}
    return _found(data for subject, data in last.items() if subject in there)


def _columns(name: str, *columns: str) -> TableClause:
    return table(name, *map(column, columns))


def find_in_files(files: Iterable[Path]) -> Iterator[str]:
    """The digests in the texts of these files; one that is not there has none."""
    for file in files:
        if file.is_file():
            yield from _DIGEST.findall(file.read_text(encoding="utf-8", errors="replace"))


def _found(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        yield from (value,) if len(value) == 64 and _DIGEST.fullmatch(value) else _DIGEST.findall(value)
