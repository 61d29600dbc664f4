"""Optional dependencies: the import that needs one stands in ``with extra(...)``, and the error names the extra to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flyball.core.errors import MissingExtraError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports in the block belong to the extra `name` of the distribution.

    Used at the head of the module that needs the import; that module itself is imported where it is used::

        with extra("train"):
            import lightgbm

    Raises:
        MissingExtraError: a module of another distribution than ours is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "flyball":
            raise
        raise MissingExtraError(error.name, name) from error
