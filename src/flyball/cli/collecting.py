"""`flyball gc` and `flyball delete`: what goes for good."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyball.app.garbage import Collected, Garbage, Wish
from flyball.app.location import find_home
from flyball.cli.releasing import NotConfirmedError
from flyball.cli.wording import count

if TYPE_CHECKING:
    from flyball.tracking.purging import Deleted

_SHOWN = 10


def collect(wish: Wish, *, as_json: bool, home: Path | None) -> None:
    """Collect the home's garbage, or say what would go, and print what it was."""
    with _opened(find_home(home, Path.cwd())) as garbage:
        found = garbage.collect(wish)
    if as_json:
        sys.stdout.write(json.dumps(_facts(found, wish), indent=2) + "\n")
        return
    for line in _lines(found, wish):
        sys.stdout.write(line + "\n")


def delete_project(name: str, *, ask: bool, home: Path | None) -> None:
    """Delete the home that is the project's, once a person has said its name again, or --yes."""
    from flyball.app import deleting

    place = find_home(home, Path.cwd())
    deleting.check_project(place, name)
    if ask:
        sys.stderr.write(f"Everything in {place} and all that it refers to will be gone. Type the project's name to delete it: ")
        sys.stderr.flush()
        if sys.stdin.readline().strip() != name:
            raise NotConfirmedError
    gone = deleting.delete_project(place, name)
    sys.stdout.write(
        f"Deleted the project '{name}': {gone.blob_bytes:,} bytes in {count(gone.blobs, 'blob')}, "
        f"{gone.home_bytes:,} bytes of files in its home.\n"
    )


@contextmanager
def _opened(home: Path) -> Iterator[Garbage]:
    from flyball.app.actor import person
    from flyball.app.places import Places
    from flyball.app.stores import Stores
    from flyball.core.ids import RandomIds
    from flyball.storage.clockfile import open_clock

    clock = open_clock(home)
    stores = Stores.at_home(home, clock=clock, ids=RandomIds(), actor=person())
    try:
        blobs = Places.of(home, os.environ).open_blobs(home)
        yield Garbage(home, stores.database, blobs, stores.journal.recorder, clock)
    finally:
        stores.close()


def _facts(found: Collected, wish: Wish) -> dict[str, Any]:
    purged, swept = found.purged, found.sweep
    return {
        "dry_run": wish.dry_run,
        "experiments": [one.id for one in purged.experiments],
        "runs": [one.id for one in purged.runs],
        "models": [one.id for one in purged.models],
        "kept": list(purged.kept),
        "uploads": found.uploads,
        "freed": {"blobs": swept.freed, "bytes": swept.freed_bytes},
        "used": {"blobs": swept.used, "bytes": swept.used_bytes},
        "young": {"blobs": swept.young, "bytes": swept.young_bytes},
    }


def _lines(found: Collected, wish: Wish) -> Iterator[str]:
    purged, swept = found.purged, found.sweep
    verb = "Would purge" if wish.dry_run else "Purged"
    for kind, some in (("experiment", purged.experiments), ("run", purged.runs), ("logged model", purged.models)):
        if some:
            yield f"{verb} {count(len(some), kind)}: {_names(some)}"
    if purged.kept:
        yield f"Kept {count(len(purged.kept), 'deleted run')}: registered versions come from them. Delete these first."
    if found.uploads:
        yield f"{'Would forget' if wish.dry_run else 'Forgot'} {count(found.uploads, 'upload')} that nobody completed."
    yield f"{'Would free' if wish.dry_run else 'Freed'} {swept.freed_bytes:,} bytes in {count(swept.freed, 'blob')}."
    yield f"In use: {swept.used_bytes:,} bytes in {count(swept.used, 'blob')}."
    if swept.young:
        yield f"Unused but young: {swept.young_bytes:,} bytes in {count(swept.young, 'blob')}; somebody may be about to refer to them."


def _names(some: tuple[Deleted, ...]) -> str:
    names = [f"{one.name} ({one.id})" for one in some[:_SHOWN]]
    return ", ".join(names) + (f" and {len(some) - _SHOWN:,} more" if len(some) > _SHOWN else "")
