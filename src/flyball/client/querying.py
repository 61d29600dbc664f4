"""Queries that a control plane answers, with the methods of the catalogue of a home."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flyball.client.wire import Ask, Wire

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

_WAIT_SECONDS = 90.0


class Asked(Protocol):
    """One SELECT, as of a known time where one is given."""

    @property
    def sql(self) -> str: ...

    @property
    def as_of(self) -> datetime | None: ...


class RemoteCatalogue:
    """A control plane answers, within its own limits."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def stream(self, question: Asked, *, limits: object = None) -> Iterator[pl.DataFrame]:
        """The answer, in one frame.

        Raises:
            ClientError: it was refused, or nobody answered.
        """
        del limits  # the server has its own
        yield self._answer(question)

    def write_parquet(self, question: Asked, *, path: Path, limits: object = None) -> int:
        """The answer as a file, whole or not at all, and its rows; raises as `stream`."""
        del limits
        frame = self._answer(question)
        temporary = path.with_name(f".{path.name}.part")
        frame.write_parquet(temporary)
        temporary.replace(path)
        return frame.height

    def _answer(self, question: Asked) -> pl.DataFrame:
        import polars as pl

        body: dict[str, Any] = {"sql": question.sql, "as_of": None if question.as_of is None else question.as_of.isoformat()}
        response = self._wire.send(Ask("POST", "/api/v1/query/arrow", body=body, wait_seconds=_WAIT_SECONDS))
        return pl.read_ipc_stream(BytesIO(response.content))
