"""The cells of quarantined rows: as they came, as they are judged again, and with what a person put into them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from flyball.data.contracts.model import Contract
from flyball.data.errors import UnknownColumnError
from flyball.data.quarantine.errors import RepairError
from flyball.data.quarantine.model import QuarantinedRow

LONGEST_CELL = 1 << 20


def parse_cells(raw: str) -> dict[str, Any]:
    """The cells of a row as the quarantine keeps them; numbers stay as they were written where a float would change them."""
    found: dict[str, Any] = json.loads(raw, parse_float=_number)
    return found


def cells_frame(rows: Sequence[QuarantinedRow], contract: Contract) -> pl.DataFrame:
    """The rows as a file of texts would have them: the contract's columns, null where a row has no such cell."""
    columns = {name: [cell_text(row.current.get(name)) for row in rows] for name in contract.columns}
    return pl.DataFrame(columns, schema=dict.fromkeys(contract.columns, pl.String()))


def nested_reasons(row: QuarantinedRow, contract: Contract) -> list[str]:
    """What of a row can be no cell, whatever its column: a list or an object that somebody pushed."""
    return [f"{name} is no {column.type}" for name, column in contract.columns.items() if isinstance(row.current.get(name), list | dict)]


def cell_text(value: Any) -> str | None:
    """A cell as a text file would have it.

    >>> [cell_text(value) for value in (None, True, 12, "a", 0.5)]
    [None, 'true', '12', 'a', '0.5']
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def repaired_cells(row: QuarantinedRow, cells: Mapping[str, Any], *, contract: Contract) -> dict[str, Any]:
    """The row's cells with those of `cells` in their places.

    Raises:
        RepairError: a cell is no text, number, truth value or null, or is too long.
        UnknownColumnError: the contract has no such column.
    """
    for name, value in cells.items():
        if name not in contract.columns:
            raise UnknownColumnError(name, contract.columns, where=f"The contract that judges row {row.id}")
        if not isinstance(value, str | int | float | bool | None):
            raise RepairError(row.id, f"the cell {name!r} is neither a text, a number, true, false nor null")
        if isinstance(value, float) and value - value != 0:
            raise RepairError(row.id, f"the cell {name!r} is no finite number")
        if len(str(value)) > LONGEST_CELL:
            raise RepairError(row.id, f"the cell {name!r} has more than {LONGEST_CELL:,} characters")
    return {**row.current, **cells}


def _number(text: str) -> float | str:
    number = float(text)
    return number if number - number == 0 else text
