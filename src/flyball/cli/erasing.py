"""`flyball erase`: rows of given keys leave everything that a home keeps, here, while nobody else runs it."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from flyball.app.actor import person
from flyball.app.location import find_home, home_of_project
from flyball.cli.datadoor import Where
from flyball.cli.projecting import ProjectNotFoundError, find_project_file, open_project
from flyball.cli.wording import count
from flyball.core.errors import ConflictError
from flyball.data.erasure.errors import ErasureKeysError
from flyball.data.erasure.keys import Keys
from flyball.storage.errors import os_errors

if TYPE_CHECKING:
    from flyball.app.erasing.service import Eraser

Json = Mapping[str, Any]
MOST_BYTES = 256 << 20


class NotCleanError(ConflictError):
    """Something of the keys is left."""

    code = "erasure-left"

    def __init__(self, verified: Json) -> None:
        super().__init__(
            f"After erasing, {verified['rows']} rows, {len(verified['blobs'])} blobs and {verified['waiting']} pushes of these keys "
            "are left. The certificate names them and says why; run the command again."
            + "".join(_elsewhere(place) for place in verified["elsewhere"])
        )


def _elsewhere(place: Json) -> str:
    rows = "Rows" if place["rows"] is None else f"{place['rows']:,} rows"
    return f" {rows} of {place['dataset']} lie in {place['place']}, which is not ours to rewrite: delete them there."


@dataclass(frozen=True)
class Wanted:
    """Keys by their texts, or in a file."""

    dataset: str
    keys: Sequence[str] = ()
    file: Path | None = None


def erase(wanted: Wanted, where: Where, *, why: str, sure: bool, as_json: bool) -> None:
    """Say what would go, ask, erase, and say what the certificate says."""
    with _opened(where) as eraser:
        keys = _keys(wanted, eraser)
        if not sure:
            _tell(eraser.look(wanted.dataset, keys))
            typer.confirm("Erase them for good?", abort=True, err=True)
        with eraser.home.own("flyball erase"):
            found = eraser.erase(wanted.dataset, keys, deed=_deed(why))
    if as_json:
        _write(json.dumps(found, indent=2, sort_keys=True))
    else:
        _write(f"{count(found['found']['rows'], 'row')} of {count(found['keys'], 'key')} erased from {', '.join(found['datasets'])}.")
        tables, blobs = count(len(found["tables"]), "table"), count(len(found["blobs"]), "blob")
        _write(f"{tables} rewritten, {blobs} deleted, {len(found['remade'])} made anew.")
        _write(f"Left: {'; '.join(left['what'] for left in found['left'])}. The certificate: flyball erase {wanted.dataset} --list")
    if not found["verified"]["clean"]:
        raise NotCleanError(found["verified"])


def look(wanted: Wanted, where: Where, *, as_json: bool) -> None:
    """Say what would go."""
    with _opened(where) as eraser:
        found = eraser.look(wanted.dataset, _keys(wanted, eraser))
    if as_json:
        _write(json.dumps(found, indent=2, sort_keys=True))
    else:
        _tell(found)


def allow(wanted: Wanted, where: Where) -> None:
    """Take rows of these keys again."""
    with _opened(where) as eraser, eraser.home.own("flyball erase --allow"):
        found = eraser.allow(wanted.dataset, _keys(wanted, eraser))
    _write(f"{count(found, 'key')} of {wanted.dataset} may come in again.")


def certificates(dataset: str, where: Where) -> None:
    """Print the certificates as JSON."""
    with _opened(where) as eraser:
        eraser.key_of(dataset)
        _write(json.dumps(eraser.list_certificates(dataset), indent=2, sort_keys=True))


def _tell(found: Json) -> None:
    _write(f"{count(found['rows'], 'row')} of {count(found['keys'], 'key')}, in the datasets {', '.join(found['datasets'])}:")
    for table, rows in sorted(found["tables"].items()):
        _write(f"  {rows:>10,}  {table}")


def _keys(wanted: Wanted, eraser: Eraser) -> Keys:
    key = eraser.key_of(wanted.dataset)
    if bool(wanted.keys) == (wanted.file is not None):
        raise ErasureKeysError(wanted.dataset, "give --key or --keys, one of the two", key=key)
    if wanted.file is not None:
        with os_errors(wanted.file):
            content = wanted.file.read_bytes() if wanted.file.is_file() else None
        if content is None or len(content) > MOST_BYTES:
            raise ErasureKeysError(wanted.dataset, f"{wanted.file} is no file, or larger than 256 MB", key=key)
        try:
            return Keys.read(wanted.dataset, key, text=content.decode())
        except UnicodeDecodeError as error:
            raise ErasureKeysError(wanted.dataset, f"{wanted.file} is not UTF-8", key=key) from error
    rows = [[text] for text in wanted.keys] if len(key) == 1 else list(csv.reader(wanted.keys))
    return Keys.of(wanted.dataset, key, rows=rows)


@contextmanager
def _opened(where: Where) -> Iterator[Eraser]:
    from flyball.app.erasing.service import Eraser
    from flyball.app.home import Home
    from flyball.pipelines import InlineExecutor
    from flyball.storage.clockfile import open_clock

    try:
        file = find_project_file(where.project, where.home)
    except ProjectNotFoundError:
        if where.project is not None:
            raise
        place = find_home(where.home, Path.cwd())
        with Home.open(place, clock=open_clock(place), executor=InlineExecutor()) as home:
            yield Eraser(home)
        return
    find_home(home_of_project(file, where.home), Path.cwd())  # one that is not there is not made
    with open_project(file, where.home) as opened:
        declared = {name: found.dataset for name, found in opened.declared.items()}
        endpoints = {model.serves_at: model.rows.name for model in opened.project.models}
        yield Eraser(opened.home, declared, opened.root, endpoints)


def _deed(why: str) -> Any:
    from flyball.app.deed import Deed

    return Deed(person(), why)


def _write(text: str) -> None:
    sys.stdout.write("".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text) + "\n")
