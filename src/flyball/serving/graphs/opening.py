"""Graphs as files: what is registered, and what a server opens with every model that the graph asks.

::

    graph.json          the steps, and which version each call means
    models/DIGEST.bin   the packed model of each call
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from flyball.core.canonical import digest_bytes
from flyball.core.ids import Digest
from flyball.core.optional import extra
from flyball.runtimes import Description, ModelManifest, read_manifest
from flyball.runtimes.files import read_archive
from flyball.runtimes.graphfile import FLAVOR, GRAPH, NODES
from flyball.runtimes.model import Files, Task
from flyball.runtimes.packing import POLARS
from flyball.serving.graphs.errors import GraphError
from flyball.serving.graphs.model import Call, Combine, Graph, GraphSpec, Resolved, Score, Switch
from flyball.serving.graphs.running import GraphModel, Model
from flyball.serving.graphs.values import description_of

with extra("serve"):
    import yaml

_MLFLOW: Mapping[str, str] = {dtype: name for name, dtype in POLARS.items()}


def files_of(graph: Graph, models: Mapping[str, tuple[str, bytes]]) -> Files:
    """What is registered of a graph: an MLflow directory; `models` are, by call, the version meant and its packed model.

    Raises:
        GraphError: a column is of a type that no signature has.
    """
    archives = {digest_bytes(data): data for _, data in models.values()}
    tasks = {step: read_archive(data)[0] for step, (_, data) in models.items()}
    spec = graph.spec({step: Resolved(model, Digest(digest_bytes(data))) for step, (model, data) in models.items()})
    columns = []
    for name, dtype in spec.inputs.columns.items():
        if dtype not in _MLFLOW:
            raise GraphError("inputs", f"column {name!r} is of {dtype}, which no signature has")
        columns.append({"type": _MLFLOW[dtype], "name": name, "required": True})
    facts = {
        "flavors": {FLAVOR: {"data": GRAPH, "task": task_of(spec, tasks)}},
        "signature": {"inputs": msgspec.json.encode(columns).decode()},
    }
    packed = {f"{NODES}{digest}.bin": data for digest, data in archives.items()}
    return {"MLmodel": yaml.safe_dump(facts).encode(), GRAPH: spec.encode(), **packed}


def task_of(spec: GraphSpec, manifests: Mapping[str, ModelManifest]) -> Task:
    """What the graph's answers are, as far as the manifests of its models say; "values" where only a loaded model does.

    Raises:
        ModelFailedError: answers of different kinds become one.
    """
    found: dict[str, Description] = {}
    for step in spec.steps:
        match step:
            case Call():
                found[step.name] = Description(task=manifests[step.name].task, classes=manifests[step.name].classes)
            case Combine() | Switch():
                answers = step.of if isinstance(step, Combine) else (*(name for _, name in step.cases), step.otherwise)
                parts = [found[name] for name in answers]
                unknown = any(part.task == "values" for part in parts)
                found[step.name] = Description(task="values") if unknown else description_of(parts)
            case Score(task=task):
                found[step.name] = Description(task=task)
    return found[spec.output].task


def open_graph(path: Path, into: Path, *, open_model: Callable[[Path, ModelManifest], Model]) -> GraphModel:
    """The graph in the archive `path`, each of its models opened once; these are unpacked below `into`.

    Raises:
        GraphError: it is not whole, or cannot be.
        FlyballError: a model of it cannot be opened.
    """
    manifest = read_manifest(path)
    opened: dict[str, Model] = {}
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        spec = GraphSpec.decode(archive.read(GRAPH) if GRAPH in names else b"")
        for step in spec.calls:
            resolved = spec.models.get(step.name)
            if resolved is None or f"{NODES}{resolved.digest}.bin" not in names:
                raise GraphError(step.name, "its model is not among the files; register the graph again")
            if resolved.digest not in opened:
                place = _unpacked(step.name, archive.read(f"{NODES}{resolved.digest}.bin"), digest=resolved.digest, into=into)
                opened[resolved.digest] = open_model(place, _manifest_of(step.name, place))
    return GraphModel(manifest, spec, models={step.name: opened[spec.models[step.name].digest] for step in spec.calls})


def _unpacked(step: str, data: bytes, *, digest: Digest, into: Path) -> Path:
    if digest_bytes(data) != digest:
        raise GraphError(step, "its model is not what its digest says")
    place = into / f"{digest}.bin"
    if not place.exists():
        into.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(dir=into, suffix=".part")  # workers of one home unpack at the same moment
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(part).replace(place)
    return place


def _manifest_of(step: str, place: Path) -> ModelManifest:
    manifest = read_manifest(place)
    if manifest.format == "graph":
        raise GraphError(step, "a graph is no step of a graph; name its models instead")
    return manifest
