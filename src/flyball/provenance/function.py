"""A function's fingerprint: the digest of its code and of all code and values that it reaches."""

from __future__ import annotations

from collections.abc import Callable

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.provenance.forms import Forms


def fingerprint_function(function: Callable[..., object]) -> Digest:
    """Two functions have one fingerprint when they would do the same: code, defaults, closure and globals, all the way down.

    A changed helper two calls away changes it; a comment, a blank line, a docstring, the hash seed or the process do not. Own
    code counts by its compiled form (which a new minor version of Python changes), foreign code by distribution and version.

    Raises:
        OpaqueValueError: the function refers to a value without a stable form, such as an open file or a lock.
    """
    return digest(Forms().of(function, getattr(function, "__qualname__", repr(type(function)))))
