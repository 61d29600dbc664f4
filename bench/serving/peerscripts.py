"""The peers' servers: what their own documentation says to write for a pipeline of scikit-learn, run by the Pythons of `.venv-peers`.

Each gets the model's file and a port. `tuned` turns on the peer's own micro-batching where it has any. All run on the core of their
process, one worker each, with their logs of single requests off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from bench.serving.pipeline import NUMBERS, ROOT, TEXTS

Body = Literal["rows", "v2", "invocations"]

_MLSERVER_SETTINGS = {"debug": False, "parallel_workers": 0, "host": "127.0.0.1", "metrics_endpoint": None}

_MLSERVER = """
import asyncio, json, sys
import joblib, pandas as pd
from mlserver import MLServer, MLModel
from mlserver.codecs import PandasCodec, NumpyCodec
from mlserver.settings import ModelSettings, ModelParameters, Settings
from mlserver.types import InferenceResponse

class Pipeline(MLModel):
    async def load(self):
        self.model = joblib.load(self.settings.parameters.uri)
        return True
    async def predict(self, payload):
        frame = self.decode_request(payload, default_codec=PandasCodec)
        said = self.model.predict_proba(frame)[:, 1]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("score", said)])

async def main(model, port, tuned):
    # Two ports more, of which the load uses none.
    settings = Settings(**SETTINGS, http_port=port, grpc_port=port + 1)
    batching = {"max_batch_size": 32, "max_batch_time": 0.005} if tuned else {}
    declared = ModelSettings(name="flights", implementation=Pipeline, parameters=ModelParameters(uri=model), **batching)
    await MLServer(settings).start([declared])

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "tuned"))
""".replace("SETTINGS", repr(_MLSERVER_SETTINGS))

_BENTOML = """
import os
import bentoml, joblib, pandas as pd

tuned = os.environ["BENCH_TUNED"] == "tuned"

@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": True})
class Flights:
    def __init__(self):
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api(batchable=tuned, max_batch_size=1000, max_latency_ms=10000)
    def predict(self, rows: list[dict]) -> list[float]:
        return self.model.predict_proba(pd.DataFrame(rows))[:, 1].tolist()
"""

_LITSERVE = """
import sys
import joblib, pandas as pd
import litserve

class Flights(litserve.LitAPI):
    def setup(self, device):
        self.model = joblib.load(sys.argv[1])
    def decode_request(self, request):
        return request["rows"]
    def predict(self, rows):
        if rows and isinstance(rows[0], list):
            sizes = [len(part) for part in rows]
            said = self.model.predict_proba(pd.DataFrame([row for part in rows for row in part]))[:, 1].tolist()
            ends = [sum(sizes[:place + 1]) for place in range(len(sizes))]
            return [said[end - size:end] for size, end in zip(sizes, ends)]
        return self.model.predict_proba(pd.DataFrame(rows))[:, 1].tolist()
    def encode_response(self, said):
        return {"scores": said}

if __name__ == "__main__":
    tuned = {"max_batch_size": 32, "batch_timeout": 0.005} if sys.argv[3] == "tuned" else {}
    server = litserve.LitServer(Flights(**tuned), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="warning", num_api_servers=1)
"""

_RAY = """
import asyncio, sys, time
import joblib, pandas as pd, ray
from ray import serve

model, port, tuned = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "tuned"
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=True)
serve.start(http_options={"host": "127.0.0.1", "port": port})

@serve.deployment(num_replicas=1, max_ongoing_requests=64)
class Flights:
    def __init__(self):
        self.model = joblib.load(model)
    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.005)
    async def together(self, parts):
        sizes = [len(part) for part in parts]
        said = self.model.predict_proba(pd.DataFrame([row for part in parts for row in part]))[:, 1].tolist()
        ends = [sum(sizes[:place + 1]) for place in range(len(sizes))]
        return [said[end - size:end] for size, end in zip(sizes, ends)]
    async def __call__(self, request):
        rows = (await request.json())["rows"]
        if tuned:
            return {"scores": await self.together(rows)}
        return {"scores": self.model.predict_proba(pd.DataFrame(rows))[:, 1].tolist()}

serve.run(Flights.bind(), route_prefix="/predict")
while True:
    time.sleep(1)
"""

_STARLETTE = """
import sys
import joblib, pandas as pd, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

model = joblib.load(sys.argv[1])

async def predict(request):
    rows = (await request.json())["rows"]
    return JSONResponse({"scores": model.predict_proba(pd.DataFrame(rows))[:, 1].tolist()})

application = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
"""

_MLFLOW = """
import sys
import joblib, mlflow.sklearn, pandas as pd
model, place = joblib.load(sys.argv[1]), sys.argv[2]
row = {**dict.fromkeys(TEXTS, "a"), **dict.fromkeys(NUMBERS, 1.0)}
mlflow.sklearn.save_model(model, place, pyfunc_predict_fn="predict_proba", serialization_format="pickle",
    signature=mlflow.models.infer_signature(pd.DataFrame([row])))
""".replace("TEXTS", repr(TEXTS)).replace("NUMBERS", repr(NUMBERS))


@dataclass(frozen=True)
class Peer:
    """How one peer is started, and what it is asked."""

    name: str
    python: str
    path: str
    body: Body
    script: str = ""
    batches: bool = False

    def command(self, place: Path, *, port: int, tuned: bool) -> tuple[list[str], Mapping[str, str]]:
        """What to run, and its environment beside ours; `place` has the model, and takes what the peer writes."""
        python, model = ROOT / self.python, str(place / "pipeline.joblib")
        way = "tuned" if tuned else "defaults"
        script = place / f"peer_{self.name.lower().replace(' ', '_')}.py"
        script.write_text(self.script)
        if self.name == "BentoML":
            home = {"BENCH_MODEL": model, "BENCH_TUNED": way, "BENTOML_HOME": str(place / "bento"), "BENTOML_DO_NOT_TRACK": "True"}
            serve = ["-m", "bentoml", "serve", f"{script.stem}:Flights", "--port", str(port), "--host", "127.0.0.1"]
            return [str(python), *serve, "--working-dir", str(place)], {**home, "PYTHONPATH": str(place)}
        if self.name == "MLflow":
            logged = place / "logged"
            return [str(python), str(script), model, str(logged)], {}
        return [str(python), str(script), model, str(port), way], {"RAY_USAGE_STATS_ENABLED": "0"}


def mlflow_server(place: Path, *, port: int) -> list[str]:
    """What serves the model that MLflow's script has saved."""
    python = ROOT / ".venv-clients" / "mlflow" / "bin" / "python"
    serve = ["-m", "mlflow", "models", "serve", "-m", str(place / "logged"), "-p", str(port), "-h", "127.0.0.1", "--env-manager", "local"]
    return [str(python), *serve]


PEERS = (
    Peer("MLServer", ".venv-peers/mlserver/bin/python", "/v2/models/flights/infer", "v2", _MLSERVER, batches=True),
    Peer("BentoML", ".venv-peers/bentoml/bin/python", "/predict", "rows", _BENTOML, batches=True),
    Peer("LitServe", ".venv-peers/litserve/bin/python", "/predict", "rows", _LITSERVE, batches=True),
    Peer("Ray Serve", ".venv-peers/rayserve/bin/python", "/predict", "rows", _RAY, batches=True),
    Peer("MLflow", ".venv-clients/mlflow/bin/python", "/invocations", "invocations", _MLFLOW),
    Peer("Starlette", ".venv-peers/mlserver/bin/python", "/predict", "rows", _STARLETTE),
)


def body_of(rows: Sequence[Mapping[str, Any]], kind: Body) -> bytes:
    """The rows as that peer is asked."""
    match kind:
        case "rows":
            return msgspec.json.encode({"rows": rows})
        case "invocations":
            return msgspec.json.encode({"dataframe_records": rows})
        case "v2":
            return msgspec.json.encode({"parameters": {"content_type": "pd"}, "inputs": v2_inputs(rows)})


def v2_inputs(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows as the inputs of the Open Inference Protocol, a column each."""
    text = {"content_type": "str"}
    texts = [
        {
            "name": name,
            "shape": [len(rows)],
            "datatype": "BYTES",
            "parameters": text,
            "data": [row[name] for row in rows],
        }
        for name in TEXTS
    ]
    return texts + [{"name": name, "shape": [len(rows)], "datatype": "FP64", "data": [row[name] for row in rows]} for name in NUMBERS]
