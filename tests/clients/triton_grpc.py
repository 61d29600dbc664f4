"""Asks a model server as Triton's own gRPC client does: `URL TOKEN`, then a request as JSON; "" is no token. Prints what came of it."""

from __future__ import annotations

import json
import queue
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException


def inputs(columns: dict[str, list[Any]]) -> list[triton.InferInput]:
    """Each column as an input, packed as the client packs it."""
    found = []
    for name, values in columns.items():
        texts = isinstance(values[0], str)
        array = np.array([value.encode() for value in values], dtype=object) if texts else np.array(values)
        kind = {"O": "BYTES", "f": "FP64", "i": "INT64", "b": "BOOL"}[array.dtype.kind]
        tensor = triton.InferInput(name, list(array.shape), kind)
        tensor.set_data_from_numpy(array)
        found.append(tensor)
    return found


def streamed(client: triton.InferenceServerClient, columns: dict[str, list[Any]], *, headers: dict[str, str] | None) -> list[Any]:
    """What comes over a stream: three answers, one of them an error."""
    answers: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)), headers=headers)
    for name in ("late", "nowhere", "late"):
        client.async_stream_infer(name, inputs(columns), request_id=name)
    found = [answers.get(timeout=60) for _ in range(3)]
    client.stop_stream()
    return [str(error) if error else result.as_numpy("score").tolist() for result, error in found]


def main() -> None:
    """Ask for all that the client can ask for, and print it as one JSON object."""
    url, token, columns = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    headers = {"authorization": f"Bearer {token}"} if token else None
    client = triton.InferenceServerClient(url)
    result = client.infer("late", inputs(columns), request_id="mine", headers=headers)
    wanted = [triton.InferRequestedOutput(name) for name in ("version", "route")]
    pinned = client.infer("late", inputs(columns), model_version="2", outputs=wanted, headers=headers)
    try:
        client.infer("nowhere", inputs(columns), headers=headers)
        refused = ""
    except InferenceServerException as error:
        refused = f"{error.status()}: {error.message()}"
    index = client.get_model_repository_index(headers=headers)
    stats = client.get_inference_statistics("late", headers=headers)
    metadata = client.get_model_metadata("late", headers=headers, as_json=True)
    config = client.get_model_config("late", headers=headers)
    try:
        client.unload_model("late", headers=headers)
        client.load_model("late", headers=headers)
        loaded = client.is_model_ready("late", headers=headers)
    except InferenceServerException as error:
        loaded = str(error.message())
    told = {
        "live": client.is_server_live(), "ready": client.is_server_ready(), "model": client.is_model_ready("late", headers=headers),
        "server": client.get_server_metadata(headers=headers).name, "score": result.as_numpy("score").tolist(),
        "prediction": result.as_numpy("prediction").tolist(), "id": result.get_response().id,
        "versions": pinned.as_numpy("version").tolist(), "routes": [route.decode() for route in pinned.as_numpy("route").tolist()],
        "refused": refused, "index": [[model.name, model.version, model.state] for model in index.models],
        "counted": sum(found.inference_count for found in stats.model_stats), "inputs": [found["name"] for found in metadata["inputs"]],
        "packed": client.infer("late", inputs(columns), headers=headers, compression_algorithm="gzip").as_numpy("score").tolist(),
        "stream": streamed(client, columns, headers=headers), "backend": config.config.backend, "loaded": loaded,
    }  # fmt: skip
    print(json.dumps(told))


main()
