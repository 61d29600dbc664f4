"""Quarantined rows as a CSV file that a spreadsheet opens without running anything, and what a person changed in it.

A cell that a spreadsheet could take for a formula gets an apostrophe in front, which is taken off again when the file is read back;
one that begins with an apostrophe and such a sign gets one more, so that every cell comes back as it was.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flyball.data.quarantine.cells import cell_text
from flyball.data.quarantine.errors import QuarantineFileError

HEAD = ("id", "version", "file", "row", "state", "reasons")
CELL_CHARACTERS = 131_072
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_MARKED = re.compile(r"'+[=+\-@\t\r]")
Row = Mapping[str, Any]


def write_csv(rows: Sequence[Row]) -> Iterator[str]:
    """The rows, in the form that doors have them, as lines of a CSV file: first what is known of each, then its current cells."""
    columns = list(dict.fromkeys(name for row in rows for name in current(row)))
    yield _line([*HEAD, *(f"cell:{name}" if name in HEAD else name for name in columns)])
    for row in rows:
        cells = current(row)
        facts = [row["id"], row["version"], row["file"], row["row"], row["state"], "; ".join(row["reasons"])]
        yield _line([*map(cell_text, facts), *(cell_text(cells.get(name)) for name in columns)])


def read_csv(text: str, *, path: str) -> dict[str, dict[str, str | None]]:
    """The cells of each row by its id, an empty one as None.

    Raises:
        QuarantineFileError: it is no such file.
    """
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [_bare(name) for name in next(lines, [])]
        if not head or "id" not in head:
            raise QuarantineFileError(path, "its first line has no column 'id'")
        if len(set(head)) != len(head):
            raise QuarantineFileError(path, "its first line names a column twice")
        names = [None if name in HEAD else name.removeprefix("cell:") for name in head]
        found: dict[str, dict[str, str | None]] = {}
        for line in lines:
            if len(line) != len(head):
                raise QuarantineFileError(path, f"line {lines.line_num} has {len(line)} cells, and the first line {len(head)}")
            if any(len(cell) > CELL_CHARACTERS for cell in line):
                raise QuarantineFileError(path, f"line {lines.line_num}: a field larger than {CELL_CHARACTERS:,} characters")
            row = _bare(line[head.index("id")])
            if row in found:
                raise QuarantineFileError(path, f"row {row[:60]} stands there twice")
            found[row] = {name: _bare(cell) if cell else None for name, cell in zip(names, line, strict=True) if name is not None}
    except csv.Error as error:
        raise QuarantineFileError(path, f"line {lines.line_num}: {error}") from error
    return found


def changes(rows: Iterable[Row], edited: Mapping[str, Mapping[str, str | None]]) -> dict[str, dict[str, str | None]]:
    """Of each edited row the cells that differ from what stands in quarantine; rows in which none does are left out."""
    found: dict[str, dict[str, str | None]] = {}
    for row in rows:
        if row["id"] in edited:
            cells = current(row)
            new = {name: cell for name, cell in edited[row["id"]].items() if (cell or None) != (cell_text(cells.get(name)) or None)}
            if new:
                found[row["id"]] = new
    return found


def current(row: Row) -> Mapping[str, Any]:
    """The row's cells: the repaired ones, if it was repaired."""
    cells: Mapping[str, Any] = row["cells"] if row["repaired"] is None else row["repaired"]
    return cells


def defused(cell: str) -> str:
    """The cell as no spreadsheet runs it; a plain number stays one.

    >>> [defused(cell) for cell in ("=1+1", "-3.5", "'=x", "plain", "@SUM(A1)")]
    ["'=1+1", '-3.5', "''=x", 'plain', "'@SUM(A1)"]
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _bare(cell: str) -> str:
    return cell[1:] if _MARKED.match(cell) else cell


def _line(cells: Iterable[str | None]) -> str:
    shown = ["" if cell is None else defused(cell) for cell in cells]
    stream = io.StringIO(newline="")
    # The module quotes what its own reader needs quoted, but for a carriage return in a line that ends without one.
    bare = any("\r" in cell for cell in shown)
    csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL).writerow(shown)
    return stream.getvalue()
