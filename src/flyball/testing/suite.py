"""Running a suite by hand: a suite that passes on a broken backend proves nothing, so each is run on one that it must catch."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path


class Suite:
    """What a port's laws are written in: methods `test_…` of no argument, or of `tmp_path`, an empty directory."""


def failing_tests(suite: type[Suite]) -> list[str]:
    """The names of the tests that `suite` does not pass, in order; each runs on an instance and a directory of its own."""
    names = [name for name, _ in inspect.getmembers(suite, inspect.isfunction) if name.startswith("test_")]
    if not names:
        raise ValueError(f"{suite.__name__} has no tests")
    return [name for name in names if _fails(suite, name)]


def _fails(suite: type[Suite], name: str) -> bool:
    test = getattr(suite(), name)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        given = {"tmp_path": Path(place)} if "tmp_path" in inspect.signature(test).parameters else {}
        try:
            test(**given)
        except BaseException as error:  # pytest's Failed is no Exception
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            return True
    return False
