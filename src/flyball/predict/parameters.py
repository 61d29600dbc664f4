"""Parameters of the Open Inference Protocol, by any transport: what would change an answer if it were understood is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyball.predict.errors import UnsupportedError

_LONGEST_SHOWN = 60


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Those that are left can be ignored.

    Raises:
        UnsupportedError: one asks for what this server does not do.
    """
    for name in parameters:
        if name.startswith(("shared_memory", "sequence_")):
            raise UnsupportedError(f"the parameter {name[:_LONGEST_SHOWN]!r}")
    if parameters.get("classification"):
        raise UnsupportedError("the classification extension; the output 'probabilities' has what it would say")
