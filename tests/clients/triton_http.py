"""What the stock Triton client says of a model server: arguments are the address, the token or "", and the rows as JSON by column."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

address, token, rows = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = triton.InferenceServerClient(address)


def told() -> dict[str, str]:
    """The headers, anew for each request: the client writes its own among them."""
    return {"Authorization": f"Bearer {token}"} if token else {}


found: dict[str, Any] = {
    "live": client.is_server_live(told()), "ready": client.is_server_ready(told()),
    "model": client.is_model_ready("late", headers=told()), "absent": client.is_model_ready("none", headers=told()),
    "server": client.get_server_metadata(told()),
    "metadata": client.get_model_metadata("late", headers=told()), "config": client.get_model_config("late", headers=told())["name"],
    "index": client.get_model_repository_index(told()), "statistics": client.get_inference_statistics("late", headers=told()),
}  # fmt: skip


def inputs(*, binary: bool = True) -> list[Any]:
    """The columns as the client's tensors."""
    given = []
    for name, values in rows.items():
        array = np.array(values, dtype=np.float64) if isinstance(values[0], float) else np.array(values, dtype=object)
        kind = "FP64" if array.dtype == np.float64 else "BYTES"
        one = triton.InferInput(name, [len(values), 1], kind)
        one.set_data_from_numpy(array.reshape(-1, 1), binary_data=binary)
        given.append(one)
    return given


def scores(result: Any) -> Any:
    """The scores that were answered."""
    return result.as_numpy("score").tolist()


found["default"] = scores(client.infer("late", inputs(), headers=told(), request_id="one"))
found["id"] = client.infer("late", inputs(), headers=told(), request_id="one").get_response()["id"]
found["json"] = scores(client.infer("late", inputs(binary=False), headers=told()))
named = [triton.InferRequestedOutput("score"), triton.InferRequestedOutput("route", binary_data=False)]
result = client.infer("late", inputs(), outputs=named, model_version="1", headers=told())
found["named"], found["route"] = scores(result), result.as_numpy("route").tolist()
for coding in ("gzip", "deflate"):
    how = {"request_compression_algorithm": coding, "response_compression_algorithm": coding}
    found[coding] = scores(client.infer("late", inputs(), headers=told(), **how))
found["async"] = scores(client.async_infer("late", inputs(), headers=told()).get_result())
found["predictions"] = client.infer("late", inputs(), headers=told()).as_numpy("prediction").tolist()
try:
    client.infer("none", inputs(), headers=told())
except InferenceServerException as error:
    found["error"] = [error.status(), error.message()]
if len(sys.argv) > 4:
    client.unload_model("late", headers=told())
    found["unloaded"] = client.is_model_ready("late", headers=told())
    client.load_model("late", headers=told())
    found["loaded"] = client.is_model_ready("late", headers=told())
print(json.dumps(found))
