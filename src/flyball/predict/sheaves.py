"""Answers that come piece by piece, made one: each piece is rendered when it is there, so that the end takes little."""

from __future__ import annotations

import msgspec
import polars as pl

from flyball.predict import arrow
from flyball.predict.replies import JSON, Reply, of_bytes
from flyball.serving.asked import Answer

_ENCODER = msgspec.json.Encoder()


class ArrowSheaf:
    """An Arrow stream."""

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []

    def add(self, answer: Answer) -> None:
        """The next piece."""
        self._frames.append(arrow.frame_of(answer))

    def reply(self) -> Reply:
        """All of them."""
        return of_bytes(arrow.written(self._frames), arrow.KIND)


class JsonSheaf:
    """JSON as one answer has it; `version` and `route` are those of all rows, or null and "mixed"."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._who: set[tuple[int | None, str]] = set()
        self._model = ""

    def add(self, answer: Answer) -> None:
        """The next piece."""
        told = answer.told()
        self._parts.append(_ENCODER.encode(told.predictions)[1:-1])
        self._who.add((told.version, told.route))
        self._model = told.model

    def reply(self) -> Reply:
        """All of them."""
        version, route = next(iter(self._who)) if len(self._who) == 1 else (None, "mixed")
        end = _ENCODER.encode({"model": self._model, "version": version, "route": route})[1:]
        return of_bytes(b"".join((b'{"predictions":[', b",".join(self._parts), b"],", end)), JSON[1])
