"""What is wrong with a graph of models.

::

    InvalidError
    └── GraphError              a graph that cannot be what it says
        └── GraphColumnError    a step asks for a column that nobody gives it
"""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.errors import InvalidError, UnknownNameError


class GraphError(InvalidError):
    """A graph that cannot be what it says."""

    code = "graph"

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"Step {step!r} of the graph cannot be: {reason.rstrip('.')}.")


class GraphColumnError(GraphError):
    """A step asks for a column that nobody gives it."""

    code = "graph-column"

    def __init__(self, step: str, column: str, *, known: Iterable[str]) -> None:
        hint = UnknownNameError("column", column, known=known, where="what it is given")
        super().__init__(step, f"{hint} Name the step that has it in `of`, or `rename` what the model takes")
