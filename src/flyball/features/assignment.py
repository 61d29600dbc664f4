"""The name of the variable that a call's result is assigned to, read from the caller's compiled code."""

from __future__ import annotations

import dis
from types import FrameType

_STORES = frozenset(("STORE_NAME", "STORE_GLOBAL", "STORE_FAST", "STORE_DEREF"))


def assigned_name(frame: FrameType) -> str | None:
    """The variable that `frame` assigns the result of its running call to, or None where it does something else with it.

    Only ``name = call(...)`` counts, wherever it stands. Reading the assignment spares the user from writing each name twice;
    the alternative, searching the module for the value later, would leave values without a name until then.
    """
    code = frame.f_code
    after = (step for step in dis.get_instructions(code) if step.offset > frame.f_lasti)
    step = next(after, None)
    return str(step.argval) if step is not None and step.opname in _STORES else None
