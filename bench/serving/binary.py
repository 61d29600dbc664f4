"""A thousand rows by each door of one model server: our own JSON, tensors in JSON, binary tensors, and an Arrow stream.

The server is pinned to core 0 and asked from core 1 by four connections, with its token, validation, metrics, routing and durable
journal. Figures are rows per second of the server's own processor time, so that a neighbour on the core does not count. What the model
alone takes is measured in the same run: no door is faster than that, and what a door costs is what lies above it.

Run ``python -m bench.serving.binary [--short]``; the exit code is 1 when binary tensors are slower than our own JSON. Twice as fast is
what is wanted.
"""

from __future__ import annotations

import io
import json
import struct
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.serving.load import CLIENT_CORE, Figures, load, median_of, on_core, request
from bench.serving.peers import first_answer
from bench.serving.single import served
from bench.serving.singleservers import ENDPOINT, TEXTS, prepare

ROWS, CONNECTIONS, ROUNDS, SECONDS = 1000, 4, 5, 2.0
LEAST, WANTED = 1.0, 2.0
INFER, PREDICT = f"/v2/models/{ENDPOINT}/infer", f"/predict/{ENDPOINT}"
_RUNS = 30
ARROW = "application/vnd.apache.arrow.stream"
OWN, TENSORS, BINARY, STREAM = "JSON", "tensors in JSON", "binary tensors", "Arrow"


def asked(port: int, *, token: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """The same rows as each door takes them."""
    head = [f"authorization: Bearer {token}"]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    said: list[dict[str, Any]] = [
        {"name": name, "shape": [len(rows), 1], "datatype": "BYTES" if name in TEXTS else "FP64"} for name in columns
    ]
    parts = [_raw(values) for values in columns.values()]
    inputs = [{**one, "parameters": {"binary_data_size": len(part)}} for one, part in zip(said, parts, strict=True)]
    binary = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    tensors = [{**one, "data": values} for one, values in zip(said, columns.values(), strict=True)]
    length = f"inference-header-content-length: {len(binary)}"
    return {
        OWN: request(port, PREDICT, body=json.dumps({"rows": rows}).encode(), head=head),
        TENSORS: request(port, INFER, body=json.dumps({"inputs": tensors}).encode(), head=head),
        BINARY: request(port, INFER, body=binary + b"".join(parts), kind="application/octet-stream", head=[*head, length]),
        STREAM: request(port, PREDICT, body=_stream(columns), kind=ARROW, head=head),
    }


def _raw(values: Sequence[Any]) -> bytes:
    if isinstance(values[0], str):
        return b"".join(struct.pack("<I", len(value.encode())) + value.encode() for value in values)
    return struct.pack(f"<{len(values)}d", *values)


def _stream(columns: Mapping[str, Sequence[Any]]) -> bytes:
    import polars as pl

    out = io.BytesIO()
    pl.DataFrame(columns).write_ipc_stream(out)
    return out.getvalue()


def measure(place: Path, rows: Sequence[Mapping[str, Any]], *, rounds: int) -> dict[str, list[Figures]]:
    """Rounds of all doors in turn, so that a busy moment hits all alike."""
    import uvloop

    found: dict[str, list[Figures]] = {}
    with served("ours", place) as (port, pid):
        first_answer(port, f"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode(), log=place / "ours.log")
        doors = asked(port, token=(place / "ours" / "token").read_text().strip(), rows=rows)
        for turn in range(rounds + 1):
            for name, given in doors.items():
                one = uvloop.run(load(port, pid, requests=[given], connections=CONNECTIONS, seconds=SECONDS if turn else 0.5))
                found.setdefault(name, []).extend([one] if turn else [])
    return found


def model_seconds(place: Path, rows: Sequence[Mapping[str, Any]]) -> float:
    """Processor time of the graph alone for the rows, on one thread."""
    import numpy as np
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types

    how = onnxruntime.SessionOptions()
    how.intra_op_num_threads = how.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession((place / "graph.onnx").read_bytes(), how)
    names = [found.name for found in session.get_inputs()]
    given = {name: np.array([[row[name]] for row in rows], dtype=object if name in TEXTS else np.float64) for name in names}
    session.run(None, given)
    begun = time.process_time()
    for _ in range(_RUNS):
        session.run(None, given)
    return (time.process_time() - begun) / _RUNS


def main() -> int:
    """Measure, print, and say whether the limit is kept."""
    on_core(CLIENT_CORE)
    with tempfile.TemporaryDirectory() as aside:
        rows = prepare(Path(aside))[:ROWS]
        found = measure(Path(aside), rows, rounds=2 if "--short" in sys.argv else ROUNDS)
        alone = model_seconds(Path(aside), rows)
    own = median_of(found[OWN], "per_core_second")
    print(f"{ROWS:,} rows a request, {CONNECTIONS} connections; rows per second of the server's processor time")
    for name, rounds in found.items():
        each = median_of(rounds, "per_core_second")
        print(f"{name:<16} {each * ROWS:>10,.0f}  {each / own:>5.2f}x JSON  p50 {median_of(rounds, 'p50_ms'):6.1f} ms")
    print(f"{'the model alone':<16} {ROWS / alone:>10,.0f}  {1 / alone / own:>5.2f}x JSON")
    ratio = median_of(found[BINARY], "per_core_second") / own
    print(f"binary tensors are {ratio:.2f}x our own JSON; {WANTED}x is wanted, and {1 / alone / own:.2f}x what this model leaves")
    return int(ratio < LEAST)


if __name__ == "__main__":
    sys.exit(main())
