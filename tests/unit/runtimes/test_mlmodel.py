"""MLflow's description of a model, read as data."""

from __future__ import annotations

import json

import polars as pl
import pytest

from flyball.runtimes.errors import MlmodelError, UnservableError
from flyball.runtimes.mlmodel import Signature, SignatureColumn, Tensor, parse
from flyball.runtimes.packing import TakenColumn, columns_of
from tests.loggedmodels import array_signature, columns_signature, mlmodel

FLAVORS = {"sklearn": {"pickled_model": "model.pkl"}}


def signature_of(signature: dict[str, str]) -> Signature | None:
    return parse({"MLmodel": mlmodel(FLAVORS, signature)}).signature


def test_flavors_and_columns_are_read() -> None:
    found = parse({"MLmodel": mlmodel(FLAVORS, columns_signature(pl.DataFrame({"a": [1.0], "b": ["x"]}), optional=["b"]))})
    assert found.get_path("sklearn", "data", "pickled_model") == "model.pkl"
    assert found.signature is not None
    assert found.signature.columns == (SignatureColumn("a", "double"), SignatureColumn("b", "string", required=False))
    assert columns_of(found.signature) == (TakenColumn("a", "Float64"), TakenColumn("b", "String", required=False))


def test_an_array_has_numbered_columns_and_one_of_any_width_none() -> None:
    found = signature_of(array_signature(2))
    assert found is not None
    assert found.tensors == (Tensor("float64", (-1, 2)),)
    assert columns_of(found) == (TakenColumn("0", "Float64"), TakenColumn("1", "Float64"))
    assert columns_of(signature_of(array_signature(-1))) is None
    assert columns_of(None) is None


def test_bytes_are_a_column() -> None:
    assert columns_of(signature_of({"inputs": json.dumps([{"type": "binary", "name": "photo"}])})) == (TakenColumn("photo", "Binary"),)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 28, 28]}}], "rows hold one array"),
        ([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 20000]}}], "at most 10,000"),
    ],
    ids=["image", "wide"],
)
def test_what_rows_cannot_hold_is_refused(inputs: list[object], words: str) -> None:
    found = signature_of({"inputs": json.dumps(inputs)})
    with pytest.raises(UnservableError, match=words):
        columns_of(found)


DAMAGED = {
    "no yaml": b"flavors: [",
    "no text": b"\xff\xfe",
    "no mapping": b"- 1",
    "no flavor": b"flavors: {}",
    "alias": b"flavors: &a {x: {}}\nother: *a",
    "tag": b"flavors: !!python/object/apply:os.system ['true']",
    "deep": b"flavors: " + b"[" * 40 + b"]" * 40,
    "large": b"#" + b" " * (2 << 20),
    "signature no json": b"flavors: {sklearn: {}}\nsignature: {inputs: '['}",
    "unknown type": b'flavors: {sklearn: {}}\nsignature: {inputs: \'[{"type": "image"}]\'}',
    "mixed": b'flavors: {sklearn: {}}\nsignature: {inputs: \'[{"type": "long"}, {"type": "tensor", "tensor-spec": {"shape": [1]}}]\'}',
    "shapeless": b'flavors: {sklearn: {}}\nsignature: {inputs: \'[{"type": "tensor", "tensor-spec": {"dtype": "float64"}}]\'}',
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_mlflow_never_writes_is_refused(case: str) -> None:
    with pytest.raises(MlmodelError):
        parse({"MLmodel": DAMAGED[case]})


def test_a_directory_without_a_description_is_no_model() -> None:
    with pytest.raises(MlmodelError, match="no file MLmodel"):
        parse({"model.pkl": b""})


@pytest.mark.parametrize("path", ["../token", "/etc/passwd", "a/../../b", "a\\b", "a\x00b", ""])
def test_a_path_that_leaves_the_model_is_refused(path: str) -> None:
    found = parse({"MLmodel": mlmodel({"sklearn": {"pickled_model": path}})})
    with pytest.raises(MlmodelError):
        found.get_path("sklearn", "pickled_model")
