"""Which check it was that an expression engine stumbled over: asked only when it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import polars as pl
import polars.exceptions as plx

from flyball.data.contracts.errors import CheckError


@contextmanager
def blaming(values: Iterable[tuple[str, pl.Expr]], rows: pl.LazyFrame) -> Iterator[None]:
    """What Polars raises meanwhile is the failure of the first of the named `values` that fails over `rows` alone.

    Raises:
        CheckError: that one fails. What no value fails with is raised as it is: the rows themselves cannot be read.
    """
    try:
        yield
    except plx.PolarsError as error:
        for check, value in values:
            try:
                rows.select(value.alias("value")).collect(engine="streaming")
            except plx.PolarsError as own:
                raise CheckError(check, f"it fails on these rows ({said(own)})") from error
        raise


def said(error: Exception) -> str:
    """The first line of what Polars says."""
    return str(error).strip().splitlines()[0].rstrip(".:")
