"""A Python function as a source."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flyball.data.declared.source import Source
from flyball.data.declared.sql import positive
from flyball.data.declared.watermark import Watermark, watermark_of
from flyball.data.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class RowsSource(Source):
    """What a function of the project yields: mappings, one per row, or Polars frames."""

    function: Callable[..., Iterable[Any]]
    watermark: Watermark | None = None

    def describe(self) -> str:
        """The function's name."""
        return f"{getattr(self.function, '__name__', 'function')}()"


def rows(
    function: Callable[..., Iterable[Any]],
    *,
    watermark: str | None = None,
    overlap: str | timedelta | float | None = None,
    every: str | timedelta | None = None,
) -> RowsSource:
    """The source whose rows `function` yields, as mappings of column to value or as Polars frames.

    Without a `watermark` it is called without arguments and yields everything. With one it is called with one argument: from which
    value of that column on rows are asked for, None the first time; rows below that it may yield or not.

    Raises:
        DatasetError: it cannot be called so.
        DurationError: a duration that is none.
    """
    what = f"rows({getattr(function, '__name__', function)!r})"
    if not callable(function):
        raise DatasetError(what, "it needs a function that yields rows")
    mark = watermark_of(what, watermark, overlap=overlap)
    try:
        inspect.signature(function).bind(*([None] if mark else []))
    except TypeError as error:
        wanted = "one argument, the value from which on rows are asked for" if mark else "no argument"
        raise DatasetError(what, f"it is called with {wanted} ({error})") from error
    except ValueError:  # written in C, it does not say; the call will
        pass
    return RowsSource(function=function, watermark=mark, every=positive(what, "every", value=every))
