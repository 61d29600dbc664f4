"""An ONNX file as a message: what it keeps elsewhere is taken in, and its classes are read from its nodes. Nothing is run."""

from __future__ import annotations

from collections.abc import Iterator

from flyball.core.optional import extra
from flyball.runtimes.errors import ModelFileError, UnservableError
from flyball.runtimes.model import Files, Label

with extra("onnx"):
    import onnx
    from onnx import external_data_helper
    from onnx.onnx_pb import GraphProto, ModelProto, TensorProto

_LABELS = ("classlabels_int64s", "classlabels_ints", "classlabels_strings")


def read(data: bytes) -> ModelProto:
    """The message.

    Raises:
        ModelFileError: it is none.
    """
    try:
        return onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's errors depend on its backend
        raise ModelFileError("of ONNX", str(error)[:300]) from error


def whole(path: str, files: Files) -> bytes:
    """The file at `path` with all that it kept in its neighbours taken in, which are among `files` or it is refused.

    Raises:
        ModelFileError: it is no ONNX, or what it names is not there.
        UnservableError: it names a file outside of its own directory.
    """
    if path not in files:
        raise ModelFileError("of ONNX", f"there is no file {path!r}")
    message = read(files[path])
    outside = [tensor for tensor in _tensors(message) if external_data_helper.uses_external_data(tensor)]
    folder = path.rpartition("/")[0]
    for tensor in outside:
        _take_in(tensor, folder, files=files)
    return message.SerializeToString() if outside else files[path]


def locations_in(data: bytes) -> list[str]:
    """The names of the files that it keeps data in, as it says them, each once.

    Raises:
        ModelFileError: it is no ONNX.
    """
    outside = [tensor for tensor in _tensors(read(data)) if external_data_helper.uses_external_data(tensor)]
    named = [entry.value for tensor in outside for entry in tensor.external_data if entry.key == "location"]
    return list(dict.fromkeys(named))


def classes_in(data: bytes) -> tuple[Label, ...]:
    """The labels that a classifier's nodes name, or none."""
    for node in read(data).graph.node:
        for attribute in node.attribute:
            if attribute.name in _LABELS:
                texts = [text.decode() for text in attribute.strings]
                return tuple(texts or [int(label) for label in attribute.ints])
    return ()


def _take_in(tensor: TensorProto, folder: str, *, files: Files) -> None:
    facts = {entry.key: entry.value for entry in tensor.external_data}
    location = facts.get("location", "")
    if not location or "/" in location or "\\" in location or location in {".", ".."}:
        raise UnservableError(f"its ONNX file keeps data at {location[:60]!r}, which is not beside it")
    name = f"{folder}/{location}" if folder else location
    if name not in files:
        raise ModelFileError("of ONNX", f"its data in {location!r} was not logged with it")
    start = int(facts.get("offset", 0))
    length = int(facts.get("length", len(files[name]) - start))
    if start < 0 or length < 0 or start + length > len(files[name]):
        raise ModelFileError("of ONNX", f"its data in {location!r} is shorter than it says")
    tensor.raw_data = files[name][start : start + length]
    tensor.data_location = TensorProto.DEFAULT
    del tensor.external_data[:]


def _tensors(message: ModelProto) -> Iterator[TensorProto]:
    yield from _of_graph(message.graph)
    for function in message.functions:
        for node in function.node:
            for attribute in node.attribute:
                yield attribute.t


def _of_graph(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("g"):
                yield from _of_graph(attribute.g)
            for inner in attribute.graphs:
                yield from _of_graph(inner)
