"""A body of rows, of any form, read and judged at once: what its sender is answered, and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from flyball.data.arrowrows import read_arrow
from flyball.data.bodies import Body, Form
from flyball.data.cellrows import as_json, read_csv, typed_cells
from flyball.data.contracts.judging import AT_ROW
from flyball.data.contracts.model import Contract
from flyball.data.model import EVENT_TIME, KNOWN_TIME, Dataset
from flyball.data.rowjudge import RowJudge
from flyball.data.typedrows import Cells, JsonReader, raw_rows

BrokenRow = tuple[int, str, str]


@dataclass(frozen=True)
class ReadRows:
    """`good` rows are typed, with both times as declared and AT_ROW; `broken` are numbers (from 1), reasons and texts, ascending."""

    good: pl.DataFrame
    broken: tuple[BrokenRow, ...]
    unexpected: tuple[str, ...]


Screening = Callable[[ReadRows], ReadRows]


class RowReader:
    """Reads rows of one dataset by one contract; made once, for that costs more than a body does. Thread-safe."""

    def __init__(self, dataset: Dataset, contract: Contract, *, screen: Screening | None = None) -> None:
        """What was read goes through `screen`, if there is one."""
        self._dataset, self._contract, self._screen = dataset, contract, screen
        self._json, self._judge = JsonReader(dataset, contract), RowJudge(dataset, contract)
        self.contract, self.contract_digest = contract, contract.digest
        self.timed = self._judge.timed

    def read(self, body: Body) -> ReadRows:
        """Every row is good or broken.

        Raises:
            BrokenBodyError: the body is not of its form.
            RowsError: it does not have 1 to 10,000 rows.
            ArrowKindError: a column is of a type that rows have no use for.
        """
        match body.form:
            case Form.JSON | Form.NDJSON:
                return self._judged(self._json.read(body), body)
            case Form.ARROW:
                return self.read_cells(read_arrow(self._dataset.name, body.content))
            case Form.CSV:
                return self.read_cells(read_csv(self._dataset.name, body.content))

    def read_any(self, rows: Body | pl.DataFrame) -> ReadRows:
        """As `read`, or as `read_cells`."""
        return self.read(rows) if isinstance(rows, Body) else self.read_cells(rows)

    def read_cells(self, cells: pl.DataFrame) -> ReadRows:
        """Every row of a frame is good or broken.

        Raises:
            RowsError: it does not have 1 to 10,000 rows.
        """
        return self._judged(typed_cells(self._dataset, self._contract, cells=cells), None)

    def _judged(self, cells: Cells, body: Body | None) -> ReadRows:
        judged = self._judge.judge(cells.typed)
        broken = cells.broken
        if judged.outside:
            texts = self._texts(cells.typed, body, rows=[row for row, _ in judged.outside])
            broken = tuple(sorted([*broken, *((row, why, text) for (row, why), text in zip(judged.outside, texts, strict=True))]))
        read = ReadRows(judged.good, broken, cells.unexpected)
        return read if self._screen is None else self._screen(read)

    def _texts(self, typed: pl.DataFrame, body: Body | None, *, rows: Sequence[int]) -> list[str]:
        if body is not None:
            raws = raw_rows(self._dataset.name, body)
            return [raws[row - 1].decode() for row in rows]
        return as_json(typed.filter(pl.col(AT_ROW).is_in(rows)).drop(AT_ROW))


def without_times(good: pl.DataFrame) -> pl.DataFrame:
    """The rows' cells alone: times are made again from them, and cost less to make than to keep."""
    return good.drop(EVENT_TIME, KNOWN_TIME, AT_ROW)
