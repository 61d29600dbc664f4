"""What came from what: edges between references, which are names that every room gives to its own things."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flyball.core.errors import InvalidError

_REFERENCE = re.compile(r"[a-z][a-z0-9-]*/[^\s\x00-\x1f]{1,400}")


class ReferenceFormatError(InvalidError):
    """Not a reference."""

    code = "reference"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:80]!r} is no reference. Write KIND/NAME or KIND/NAME@VERSION, for example dataset/flights@3.")


def reference(kind: str, name: str, *, version: int | str | None = None) -> str:
    """The reference of a thing: "dataset/flights@3", "file/<digest>", "run/<id>".

    Raises:
        ReferenceFormatError: the parts do not make one.
    """
    text = f"{kind}/{name}" if version is None else f"{kind}/{name}@{version}"
    if not _REFERENCE.fullmatch(text):
        raise ReferenceFormatError(text)
    return text


@dataclass(frozen=True, order=True)
class Edge:
    """`child` came from `parent`; `kind` says how: "read", "extends", "trained-on"."""

    child: str
    parent: str
    kind: str

    def __post_init__(self) -> None:
        for end in (self.child, self.parent):
            if not _REFERENCE.fullmatch(end):
                raise ReferenceFormatError(end)
