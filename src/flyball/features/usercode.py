"""The one place where a feature's function is run: what it raises becomes an error that names it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TypeVar

from flyball.core.errors import FlyballError
from flyball.features.errors import FeatureFunctionError

Result = TypeVar("Result")


def call(where: str, function: Callable[..., Result], *arguments: object, **named: object) -> Result:
    """What `function` returns.

    Raises:
        FlyballError: as the frame that it was given raised it.
        FeatureFunctionError: anything else that it raised, with the line where it did.
    """
    try:
        return function(*arguments, **named)
    except FlyballError:
        raise
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__}: {error} ({line.filename}, line {line.lineno})"
        raise FeatureFunctionError(where, reason) from error
