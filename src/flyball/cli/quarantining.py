"""Quarantined rows on a terminal: listed, shown, exported, repaired by hand or by an edited file, and re-admitted."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyball.cli.datadoor import DataDoor, Where, open_data, rows_of
from flyball.cli.outputs import check_outputs, write_whole
from flyball.client.datasets import AsideQuery
from flyball.core.errors import InvalidError, NotFoundError
from flyball.data.quarantine.errors import QuarantinedRowNotFoundError, QuarantineFileError
from flyball.data.quarantine.exporting import changes, read_csv, write_csv
from flyball.data.quarantine.model import parse_row_id

MOST_BYTES = 256 << 20
AT_ONCE = 1000


class RepairArgumentError(InvalidError):
    """A repair that says neither or both of the two ways."""

    code = "repair-argument"

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}. Write: flyball quarantine repair DATASET ROW --set COLUMN=VALUE, or: … DATASET --from FILE.csv")


@dataclass(frozen=True)
class Chosen:
    """Which rows of a dataset: of one version, in one state."""

    dataset: str
    version: int | None = None
    state: str | None = None


def list_rows(chosen: Chosen, where: Where, *, limit: int, as_json: bool) -> None:
    """Print rows, one to a line: id, state, place, reasons."""
    with open_data(where) as door:
        page = door.list_quarantine(chosen.dataset, AsideQuery(chosen.version, chosen.state, limit=limit))
    if as_json:
        sys.stdout.write(json.dumps(page["rows"], indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        return
    for row in page["rows"]:
        _say(f"{row['id']}  {row['state']}  {row['file']} row {row['row']}: {'; '.join(row['reasons'])}")
    if not page["rows"]:
        _say(f"No row of {chosen.dataset} is in quarantine.")
    if page["next"]:
        _say(f"{limit} shown; --limit N shows more, and `flyball quarantine export` writes all.")


def show(dataset: str, row: str, *, where: Where) -> None:
    """Print one row with everything that is known of it, as JSON."""
    with open_data(where) as door:
        found = _find(door, dataset, ids=[row])[0]
    sys.stdout.write(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def export(chosen: Chosen, where: Where, *, out: Path | None) -> None:
    """Write rows as CSV, to a file or to the output."""
    if out is not None:
        check_outputs({"--out": out})
    with open_data(where) as door:
        rows = list(rows_of(door, chosen.dataset, version=chosen.version, state=chosen.state))
    text = "".join(write_csv(rows))
    if out is None:
        sys.stdout.write(text)
        return
    write_whole(out, text)
    _say(f"{_counted(len(rows))} in {out.name}. Change cells, then: flyball quarantine repair {chosen.dataset} --from {out.name}")


def repair(dataset: str, rows: Sequence[str], *, where: Where, cells: Sequence[str], file: Path | None, why: str) -> None:
    """Give rows other cells, and say what the contract would refuse of them even so."""
    if (file is None) == (not cells) or (file is None) == (not rows):
        raise RepairArgumentError("A repair names rows and their cells, or a file")
    edited = {} if file is None else read_csv(_text(file), path=str(file))
    with open_data(where) as door:
        if file is None:
            repairs: Mapping[str, Mapping[str, Any]] = {row: _cells(cells) for row in rows}
        else:
            repairs = changes(_find(door, dataset, ids=list(edited)), edited)
        refused: list[Mapping[str, Any]] = []
        for some in _parts(list(repairs)):
            refused += [found for found in door.repair(dataset, {row: repairs[row] for row in some}, why=why) if found["reasons"]]
    if not repairs:
        _say("No cell of the file differs from what stands in quarantine.")
        return
    _refused(refused)
    taken = len(repairs) - len(refused)
    _say(f"{_counted(len(repairs))} repaired; the contract would take {taken:,}. Next: flyball quarantine readmit {dataset}")


def readmit(chosen: Chosen, rows: Sequence[str], *, where: Where, as_declared: bool, why: str) -> None:
    """Take rows into the dataset, and say what became of each."""
    with open_data(where) as door:
        found = door.readmit(chosen.dataset, list(rows) or None, version=chosen.version, as_declared=as_declared, why=why)
    _refused(found["left"])
    version = found["version"]
    if version is None:
        _say("No row was taken.")
        return
    held = f", which is held: flyball held {chosen.dataset}@{version['number']}" if version["state"] == "held" else ""
    known = f", {found['duplicates']:,} stood there already" if found["duplicates"] else ""
    _say(f"{_counted(found['readmitted'])} taken into version {version['number']} of {chosen.dataset}{known}{held}.")


def _find(door: DataDoor, dataset: str, *, ids: Sequence[str]) -> list[Mapping[str, Any]]:
    """The rows of these ids, looked for in their versions."""
    parsed = {row: parse_row_id(row) for row in ids}
    for row, place in parsed.items():
        if place is None:
            raise QuarantinedRowNotFoundError(dataset, row)
    wanted, found = set(ids), dict[str, Mapping[str, Any]]()
    for version in sorted({place[0] for place in parsed.values() if place is not None}):
        with suppress(NotFoundError):
            found |= {each["id"]: each for each in rows_of(door, dataset, version=version) if each["id"] in wanted}
    missing = next((row for row in ids if row not in found), None)
    if missing is not None:
        raise QuarantinedRowNotFoundError(dataset, missing)
    return [found[row] for row in ids]


def _cells(texts: Sequence[str]) -> dict[str, str | None]:
    cells: dict[str, str | None] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise RepairArgumentError(f"{text!r} sets no cell")
        cells[name] = value or None
    return cells


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
        if len(content) > MOST_BYTES:
            raise QuarantineFileError(str(file), f"it has more than {MOST_BYTES:,} bytes")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QuarantineFileError(str(file), "it is not UTF-8") from error
    except OSError as error:
        raise QuarantineFileError(str(file), error.strerror or str(error)) from error


def _refused(rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        _say(f"{row['id']} is left: {'; '.join(row['reasons'])}")


def _parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]


def _counted(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _say(text: str) -> None:
    # What was set aside comes from anywhere: a terminal is sent no control characters.
    sys.stdout.write("".join(sign if sign.isprintable() else "?" for sign in text) + "\n")
