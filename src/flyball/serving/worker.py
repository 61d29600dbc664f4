"""The child process of a model that carries code: it loads the model, then answers frames until its parent hangs up.

Both ways run messages of a length (4 bytes, big-endian) and so many bytes: a frame as an Arrow IPC stream comes, and one byte of
`Reply` with what belongs to it goes; scores as plain little-endian float64, which can be read in no other way. What the model prints
goes to the error stream, so that it is no answer. Started by `storage.confined`, which takes from it what it needs not.
"""

from __future__ import annotations

import io
import os
import signal
import struct
import sys
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
import polars as pl

from flyball.runtimes import Predictor, describe, load
from flyball.runtimes.model import Label, Task
from flyball.storage.confined import measures

LENGTH = struct.Struct(">I")
LONGEST_BYTES = 16 << 20
SCORE = "<f8"


class Reply(IntEnum):
    """What a message to the parent holds: a `Ready` as JSON, the scores, a sentence, or a list of values as JSON."""

    READY = 0
    SCORES = 1
    FAILED = 2
    VALUES = 3


class Granted(msgspec.Struct):
    """A measure, and whether the host granted it."""

    name: str
    granted: bool
    detail: str


class Ready(msgspec.Struct):
    """What the model says of itself, and what its process was granted."""

    task: Task
    classes: tuple[Label, ...]
    features: tuple[str, ...]
    measures: list[Granted]


def main(path: Path) -> None:
    """Serve the model at `path` over the standard streams."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole terminal; the parent decides what ends
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        model = load(path, allow_code=True)
        ready = _ready(model)
        pl.read_ipc_stream(io.BytesIO(to_ipc(pl.DataFrame({"first": [1.0]}))))  # what it sets up then is no part of anybody's second
    except Exception as error:  # noqa: BLE001 - the model's own code may raise anything; it becomes a sentence
        _send(target, (Reply.FAILED, _sentence(error)))
        return
    _send(target, (Reply.READY, msgspec.json.encode(ready)))
    while frame := _receive(source):
        _send(target, _answer(model, frame))


def _answer(model: Predictor, frame: bytes) -> tuple[Reply, bytes]:
    try:
        said = model.predict(pl.read_ipc_stream(io.BytesIO(frame)))
        if said.dtype == object:
            return Reply.VALUES, msgspec.json.encode(said.tolist())
        return Reply.SCORES, np.asarray(said, dtype=SCORE).tobytes()
    except Exception as error:  # noqa: BLE001 - as above
        return Reply.FAILED, _sentence(error)


def _ready(model: Predictor) -> Ready:
    told = describe(model)
    return Ready(told.task, told.classes, told.features, [Granted(found.name, found.granted, found.detail) for found in measures()])


def to_ipc(frame: pl.DataFrame) -> bytes:
    """The frame as an Arrow IPC stream."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def _sentence(error: Exception) -> bytes:
    return f"{type(error).__name__}: {error}"[:500].encode(errors="replace")


def _send(target: BinaryIO, message: tuple[Reply, bytes]) -> None:
    reply, data = message
    target.write(LENGTH.pack(len(data) + 1) + bytes([reply]) + data)
    target.flush()


def _receive(source: BinaryIO) -> bytes:
    head = source.read(LENGTH.size)
    return source.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
