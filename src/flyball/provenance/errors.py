"""What cannot be fingerprinted is refused: a digest that misses something would call different code the same."""

from __future__ import annotations

from flyball.core.errors import InvalidError, NotFoundError


class OpaqueValueError(InvalidError):
    """A value that code refers to has no stable form."""

    code = "opaque-value"

    def __init__(self, where: str, kind: str) -> None:
        super().__init__(
            f"{where} refers to a value of type {kind}, which has no form that is the same in every process. "
            "Make it inside the function, or put it in a module-level function that returns it."
        )
        self.where, self.kind = where, kind


class ModuleSourceError(NotFoundError):
    """A module whose source cannot be read."""

    code = "module-source"

    def __init__(self, module: str) -> None:
        super().__init__(
            f"The source of the module {module!r} cannot be found, so its code has no fingerprint. Is it installed as a .py file?"
        )
        self.module = module
