"""A sweep believes a list of columns; nothing that could name a blob is missing from it."""

from __future__ import annotations

import importlib
import pkgutil
import re

from sqlalchemy import String

import flyball
from flyball.app.blobuses import NAMES, NO_BLOBS, USES
from flyball.storage.schema import Json, metadata


def _columns() -> set[tuple[str, str]]:
    """Every column that could hold a digest: texts of its length, JSON, and whatever is called one."""
    for module in pkgutil.walk_packages(flyball.__path__, "flyball."):
        if re.search(r"\._\w*sql\w*$", module.name):
            importlib.import_module(module.name)
    return {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Json)
        or (isinstance(column.type, String) and column.type.length == 64)
        or re.search(r"digest|blob|artifact(s|_digest)$|snapshot|sha256", column.name)
    }


def test_every_column_that_could_name_a_blob_is_classified() -> None:
    uses = {(use.table, use.column) for use in USES}
    unknown = {place for place in _columns() if place not in uses and place not in NO_BLOBS and place[1] not in NAMES}
    assert not unknown, "say in flyball.app.blobuses whether these keep blobs alive"


def test_the_list_speaks_of_columns_that_there_are() -> None:
    assert _columns()
    there = {(table.name, column.name) for table in metadata.tables.values() for column in table.columns}
    uses = {(use.table, use.column) for use in USES}
    assert uses | set(NO_BLOBS) <= there
    assert not uses & set(NO_BLOBS)
    for use in USES:
        assert not use.states or (use.table, "state") in there
