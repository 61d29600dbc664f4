"""`flyball import mlflow`: what another tracking server holds, brought into the home, and counted on both sides."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flyball.app.actor import person
from flyball.app.importing.copying import Counts, Import, Notes
from flyball.app.importing.opening import opened
from flyball.app.importing.target import HomeTarget, Importer
from flyball.app.keeping import open_keeping
from flyball.app.location import home_of_project
from flyball.app.places import Places
from flyball.app.stores import Stores
from flyball.core.clock import WallClock
from flyball.core.ids import RandomIds

DIFFERS = 1


def import_mlflow(named: str, *, home: Path, artifacts: Path | None, run_code: bool) -> int:
    """Import; 0 where all of it is here, 1 where something is not.

    Raises:
        FlyballError: the source cannot be read, or the home cannot be written; what was copied stays.
    """
    place = home_of_project(Path(), home)
    who = person()
    with opened(named, artifacts=artifacts, environment=os.environ) as source:
        stores = Stores.at_home(place, clock=WallClock(), ids=RandomIds(), actor=who)
        notes = Notes(place, named)
        try:
            blobs = Places.of(place, os.environ).open_blobs(place)
            target = HomeTarget.of(open_keeping(stores, blobs), blobs, importer=Importer(who, run_code))
            work = Import(source, target, notes, _say)
            _say(f"importing {source.name} into {place}")
            found = work.run()
            return _tell(found, work.count_here(), problems=work.problems)
        finally:
            notes.close()
            stores.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _tell(found: Counts, here: Counts, *, problems: list[str]) -> int:
    whole = not problems
    _say(f"\n{'':<20}{'there':>16}{'here':>16}")
    for (name, there), (_, count) in zip(found.rows(), here.rows(), strict=True):
        whole = whole and count >= there
        _say(f"{name:<20}{there:>16,}{count:>16,}{'' if count >= there else '   MISSING'}")
    for problem in problems:
        _say(f"not imported: {problem}")
    _say("\nall of it is here" if whole else "\nnot all of it is here; run the command again to go on")
    return 0 if whole else DIFFERS
