"""The servers that `single` compares: ours with and without its journal, an echo, and two that are written by hand and keep nothing.

All serve one pipeline of scikit-learn (one-hot of three texts, nine numbers, a hundred trees): ours and one of the others as ONNX.
Run ``python -m bench.serving.singleservers KIND PLACE PORT``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

TEXTS = {"carrier": 16, "origin": 3, "dest": 100}
NUMBERS = ("distance", "scheduled_minutes", "hour", "minute", "weekday", "temp", "wind_speed", "visib", "precip")
ENDPOINT = "flights"
ECHO = b'{"predictions":[{"id":"prd-06gzwf6bg92k1hvnv8e46qqs3w","prediction":1,"score":0.7366,"version":1,"route":"champion"}]}'


def prepare(place: Path) -> list[dict[str, Any]]:
    """The pipeline as ONNX and as a pickle, plans that serve either, and rows to ask with; all below `place`."""
    import joblib  # type: ignore[import-untyped]  # it ships no types, and so below
    import numpy as np
    import polars as pl
    from sklearn.compose import ColumnTransformer  # type: ignore[import-untyped]  # as above
    from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]  # as above
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]  # as above
    from sklearn.preprocessing import OneHotEncoder  # type: ignore[import-untyped]  # as above

    from flyball.runtimes import ModelManifest
    from flyball.runtimes._pickle import PickledPredictor
    from flyball.runtimes.onnxconvert import graphs

    draw = np.random.default_rng(0)
    frame = pl.DataFrame({
        **{name: [f"{name[0].upper()}{code}" for code in draw.integers(0, levels, 20_000)] for name, levels in TEXTS.items()},
        **{name: draw.normal(10, 5, 20_000).round(3) for name in NUMBERS},
    })  # fmt: skip
    late = (frame["distance"].to_numpy() + 3 * frame["hour"].to_numpy() + draw.normal(0, 10, 20_000) > 40).astype(int)
    columns = ColumnTransformer([("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), [*TEXTS])], remainder="passthrough")
    fitted = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0)).fit(frame, late)
    joblib.dump(fitted, place / "pipeline.joblib")
    dtypes = tuple(map(str, frame.schema.values()))
    manifest = ModelManifest(format="onnx", features=tuple(frame.columns), dtypes=dtypes, task="classes", classes=(0, 1))
    graph = next(made for _, make in graphs(fitted, manifest, schema=frame.schema) if (made := _made(make)) is not None)
    (place / "graph.onnx").write_bytes(graph.dump()["model.onnx"])
    for name in ("ours", "bare"):
        _keep(place / name, graph, frame=frame)
    pickled = ModelManifest(format="pickle", features=tuple(frame.columns), dtypes=dtypes, task="binary", carries_code=True)
    _keep(place / "child", PickledPredictor(pickled, fitted), frame=frame)
    return frame.head(4096).to_dicts()


def _made(make: Any) -> Any:
    try:
        return make()
    except Exception:  # noqa: BLE001 - a way that this pipeline does not go; the next one is tried
        return None


def _keep(home: Path, model: Any, *, frame: Any) -> None:
    from flyball.core.clock import MonotonicTimer
    from flyball.runtimes import save_archive
    from flyball.runtimes.costing import measure
    from flyball.serving.byhand import serving_plan
    from flyball.serving.plan import Cost, InputColumn, VersionPlan
    from flyball.storage._localblobs import LocalBlobs

    home.mkdir()
    save_archive(model, home / "model.bin")
    digest = LocalBlobs(home / "blobs").put_file(home / "model.bin")
    inputs = tuple(InputColumn(name, str(dtype)) for name, dtype in frame.schema.items())
    cost = Cost(**measure(model, frame, timer=MonotonicTimer()).to_json())
    version = VersionPlan(number=1, model_digest=digest, task=model.manifest.task, inputs=inputs, may_run_code=True, cost=cost)
    (home / "plan.json").write_bytes(serving_plan({ENDPOINT: version}).encode())


async def echo(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """The application that parses nothing."""
    del scope
    await receive()
    await _reply(send, ECHO)


async def _reply(send: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def by_hand(place: Path) -> Any:
    """What one writes by hand who wants speed alone: raw ASGI, msgspec, ONNX Runtime; nothing is checked, counted or kept."""
    import msgspec
    import numpy as np
    import onnxruntime  # type: ignore[import-untyped]  # it ships no types

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(place / "graph.onnx"), options, providers=["CPUExecutionProvider"])
    kinds = {"tensor(string)": object, "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
    given = [(found.name, kinds[found.type]) for found in session.get_inputs()]
    decoder, encoder = msgspec.json.Decoder(), msgspec.json.Encoder()

    async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        del scope
        parts = []
        while True:
            message = await receive()
            parts.append(message["body"])
            if not message.get("more_body"):
                break
        rows = decoder.decode(b"".join(parts))["rows"]
        feeds = {name: np.array([[row[name]] for row in rows], dtype=kind) for name, kind in given}
        labels, chances = session.run(None, feeds)
        said = [{"prediction": label, "score": score} for label, score in zip(labels.tolist(), chances[:, 1].tolist(), strict=True)]
        await _reply(send, encoder.encode({"predictions": said}))

    return application


def starlette(place: Path) -> Any:
    """What one writes by hand: Starlette around the pipeline itself."""
    import joblib
    import polars as pl
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    model = joblib.load(place / "pipeline.joblib")

    async def predict(request: Request) -> JSONResponse:
        rows = (await request.json())["rows"]
        return JSONResponse({"scores": model.predict_proba(pl.DataFrame(rows))[:, 1].tolist()})

    return Starlette(routes=[Route("/predict/flights", predict, methods=["POST"])])


def main(kind: str, place: Path, *, port: int) -> None:
    """Serve as `kind` until killed."""
    if kind == "bare":
        from flyball.predict.__main__ import main as serve
        from flyball.storage._localjournal import LocalJournal
        from flyball.storage.journal import NoJournal

        LocalJournal.write = lambda *_, **__: NoJournal()  # type: ignore[assignment,method-assign]  # for this process alone
        sys.exit(serve(["--home", str(place / kind), "--port", str(port), "--plan", str(place / kind / "plan.json")]))
    import uvicorn

    made: dict[str, Callable[[], Any]] = {"echo": lambda: echo, "by hand": lambda: by_hand(place), "Starlette": lambda: starlette(place)}
    usual: dict[str, Any] = {"log_level": "warning", "access_log": False, "loop": "uvloop", "http": "httptools", "lifespan": "off"}
    uvicorn.run(made[kind](), host="127.0.0.1", port=port, **usual)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), port=int(sys.argv[3]))
