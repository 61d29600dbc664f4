"""Polars expressions count by their serialised form and the version of Polars that gives it meaning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flyball.core.canonical import digest

if TYPE_CHECKING:
    import polars as pl

    from flyball.core.ids import Digest


def expression_form(expression: pl.Expr) -> dict[str, Any]:
    """The tree of `expression` as JSON with Polars' version: equal trees give equal forms in every process."""
    import polars as pl

    tree: dict[str, Any] = json.loads(expression.meta.serialize(format="json"))
    return {"polars": pl.__version__, "tree": tree}


def fingerprint_expression(expression: pl.Expr) -> Digest:
    """Two expressions have one fingerprint when Polars writes them as the same tree.

    An expression that holds a Python function (``map_elements``) is written with the function's pickled form, which names files
    and lines: equal code in another place gives another fingerprint, never the reverse.
    A Python set of texts in ``is_in`` is written in the order of the hash seed: give a list.
    """
    return digest(expression_form(expression))
