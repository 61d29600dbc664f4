"""What can be wrong with a script or notebook that a project is to be made of."""

from __future__ import annotations

from flyball.core.errors import InvalidError


class ScriptError(InvalidError):
    """A file that no project can be made of; nothing was written."""

    code = "script"

    def __init__(self, file: str, why: str) -> None:
        super().__init__(f"No project can be made of {file}: {why}.")
        self.file, self.why = file, why
