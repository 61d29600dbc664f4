"""Expressions of features are row-wise, or refused by the name of what is not; see `data.rowexpressions`."""

from __future__ import annotations

import polars as pl

from flyball.data.rowexpressions import find_offence, has_selectors
from flyball.features.errors import NotRowWiseError

__all__ = ["check_rowwise", "has_selectors"]


def check_rowwise(expression: pl.Expr, where: str) -> None:
    """Every operation in `expression` gives each row a value that follows from that row alone.

    Raises:
        NotRowWiseError: one does not, or cannot be judged; it is named.
    """
    operation = find_offence(expression)
    if operation is not None:
        raise NotRowWiseError(where, operation)
