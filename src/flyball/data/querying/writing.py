"""Answers as text: CSV that a spreadsheet does not run, and JSON lines."""

from __future__ import annotations

import polars as pl

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula, at its beginning."""


def defused(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before every text that a spreadsheet would run; numbers stay numbers."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(pl.col(name).str.slice(0, 1).is_in(FORMULA)).then(pl.lit("'") + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    )


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with lists, structs and binary as texts, which CSV can hold."""
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    binary = [name for name, dtype in frame.schema.items() if dtype == pl.Binary]
    return frame.with_columns(
        *[pl.Series(name, [None if cell is None else str(_plain(cell)) for cell in frame[name]], dtype=pl.String) for name in nested],
        *[pl.col(name).bin.encode("hex") for name in binary],
    )


def csv(frame: pl.DataFrame, *, header: bool, raw: bool = False) -> str:
    """The frame as CSV; `raw` leaves texts as they are."""
    shown = flat(frame)
    return (shown if raw else defused(shown)).write_csv(include_header=header)


def _plain(cell: object) -> object:
    return cell.to_list() if isinstance(cell, pl.Series) else cell
