"""One page of a longer answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Items in the asked order; `token` asks for the next ones, and is None where there are no more."""

    items: tuple[T, ...]
    token: str | None = None
