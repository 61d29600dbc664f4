"""What the stock KServe client says of a model server: arguments are the URL, the token or "", and the rows as JSON by column."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

url, token, rows = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
headers = {"Authorization": f"Bearer {token}"} if token else {}


def inputs(*, binary: bool = False) -> list[Any]:
    """The columns as the client's tensors."""
    given = []
    for name, values in rows.items():
        number = isinstance(values[0], float)
        one = InferInput(name, [len(values)], "FP64" if number else "BYTES", data=None if binary else values)
        if binary:
            one.set_data_from_numpy(np.array(values, dtype=np.float64 if number else object), binary_data=True)
        given.append(one)
    return given


def scores(response: Any) -> Any:
    """The scores that were answered."""
    return next(one for one in response.outputs if one.name == "score").as_numpy().tolist()


async def main() -> None:
    """Ask everything, and print what was answered."""
    found: dict[str, Any] = {}
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        found["live"] = await client.is_server_live(url, headers=headers)
        found["ready"] = await client.is_server_ready(url, headers=headers)
        found["model"] = await client.is_model_ready(url, "late", headers=headers)
        found["absent"] = await client.is_model_ready(url, "none", headers=headers)
        answer = await client.infer(url, InferRequest("late", inputs(), request_id="one"), model_name="late", headers=headers)
        found["json"], found["id"], found["name"] = scores(answer), answer.id, answer.model_name
        binary = InferRequest("late", inputs(binary=True), request_outputs=[RequestedOutput("score", parameters={"binary_data": True})])
        found["binary"] = scores(await client.infer(url, binary, model_name="late", headers=dict(headers)))
        try:
            await client.infer(url, InferRequest("none", inputs()), model_name="none", headers=headers)
        except httpx.HTTPStatusError as error:
            found["error"] = str(error)
    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
        instances = [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]
        found["v1"] = (await client.infer(url, {"instances": instances}, model_name="late", headers=headers))["predictions"]
        found["v1 model"] = await client.is_model_ready(url, "late", headers=headers)
        found["v1 live"] = await client.is_server_live(url, headers=headers)
    print(json.dumps(found))


asyncio.run(main())
