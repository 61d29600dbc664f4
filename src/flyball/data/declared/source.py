"""Where a dataset's rows come from, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar


@dataclass(frozen=True)
class Source:
    """A place that rows come from. Every kind of place is a frozen subclass; what opens it stands in `data.sources`.

    `every` is how often a running home asks it by itself; None leaves that to what the kind can tell (files are watched).
    """

    every: timedelta | None = field(default=None, kw_only=True)
    repeats: ClassVar[bool] = True
    """Whether what was taken can be read there again. Of a place that forgets it, a held version waits until a person decides."""

    @property
    def in_place(self) -> bool:
        """Whether versions read the rows where they are, and no copy of them is kept."""
        return False

    def describe(self) -> str:
        """The place in a few words, as errors and pages name it; never with a secret."""
        raise NotImplementedError

    def meaning(self) -> Mapping[str, Any]:
        """What of the source decides the meaning of a stored row; nothing, but where rows are computed."""
        return {}

    def origins(self, position: str | None) -> Sequence[tuple[str, str]]:
        """What else than itself a part with this position came from: references of lineage, each with its kind."""
        del position
        return ()
