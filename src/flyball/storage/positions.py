"""The positions' port: how far each reader of a log or journal has come, kept with what it made of it."""

from __future__ import annotations

from typing import Protocol


class Positions(Protocol):
    """A name has one position, 0 until it is set.

    Joins the transaction that is open in its thread: what a reader has made of its entries and how far it has read are one, so that
    none counts twice or never, wherever it dies. Thread-safe.
    """

    def get(self, name: str) -> int: ...

    def set(self, name: str, value: int) -> None: ...
