"""Asks a model server as KServe's gRPC client does: `URL TOKEN`, then a request as JSON; "" is no token. Prints what came of it."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest


def request(columns: dict[str, list[Any]], *, binary: bool, model: str = "late") -> InferRequest:
    """The columns as inputs: packed, or typed."""
    found = []
    for name, values in columns.items():
        kind = "BYTES" if isinstance(values[0], str) else "FP64"
        tensor = InferInput(name, [len(values)], kind)
        array = np.array([value.encode() for value in values], dtype=object) if kind == "BYTES" else np.array(values)
        tensor.set_data_from_numpy(array, binary_data=binary)
        found.append(tensor)
    return InferRequest(model_name=model, infer_inputs=found, request_id="mine")


async def main() -> None:
    """Ask for all that the client can ask for, and print it as one JSON object."""
    url, token, columns = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    headers = [("authorization", f"Bearer {token}")] if token else None
    client = InferenceGRPCClient(url)
    told: dict[str, Any] = {"live": await client.is_server_live(headers=headers), "ready": await client.is_server_ready(headers=headers)}
    told["model"] = await client.is_model_ready("late", headers=headers)
    for name, binary in (("raw", True), ("typed", False)):
        answer = await client.infer(request(columns, binary=binary), headers=headers)
        outputs = {output.name: output.as_numpy().tolist() for output in answer.outputs}
        told[name] = {**outputs, "id": answer.id, "model": answer.model_name}
    try:
        await client.infer(request(columns, binary=True, model="nowhere"), headers=headers)
    except grpc.aio.AioRpcError as error:
        told["refused"] = f"{error.code().name}: {error.details()}"
    print(json.dumps(told))
    await client.close()


asyncio.run(main())
