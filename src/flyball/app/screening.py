"""Which keys of a home's datasets were erased, for those who take rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flyball.app.location import ERASURE_SECRET
from flyball.data.erasure._sqlstore import SqlErasures
from flyball.data.erasure.keys import Marker
from flyball.data.erasure.screen import Screen, Screens
from flyball.storage.database import Database


def screens_of(home: Path, database: Database) -> Screens:
    """The screens of the home's datasets: each as of the moment in which it is asked for."""
    erasures = SqlErasures(database)

    def screen(dataset: str, key: Sequence[str]) -> Screen | None:
        marks = erasures.get_marks(dataset)
        return Screen(dataset, tuple(key), marks, Marker.at(home / ERASURE_SECRET)) if marks else None

    return screen
