"""Signatures as people write them, and what numbers mean by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import yaml

from flyball.runtimes import PredictionError
from flyball.runtimes.answering import answered
from flyball.runtimes.bringing import Source, bring, redeclared
from flyball.runtimes.declared import Declared, parse_declared
from flyball.runtimes.errors import DeclaredSignatureError, UnknownModelFileError
from flyball.runtimes.mlmodel import SignatureColumn, parse
from flyball.runtimes.packing import columns_of


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("age: double", Declared((SignatureColumn("age", "double"),))),
        ("age:double,n : int?", Declared((SignatureColumn("age", "double"), SignatureColumn("n", "long", required=False)))),
        ('"a, b": str -> float', Declared((SignatureColumn("a, b", "string"),), output="float")),
        ("x: float -> probabilities(no, yes)", Declared((SignatureColumn("x", "float"),), "probabilities", ("no", "yes"))),
        ('-> logits(0, 1, "two words")', Declared((), "logits", (0, 1, "two words"))),
        ("flights.carrier: string -> value", Declared((SignatureColumn("flights.carrier", "string"),), output="double")),
        ("", Declared()),
    ],
    ids=["one", "optional", "quoted", "classes", "no columns", "dots", "nothing"],
)
def test_a_signature_is_what_it_says(text: str, declared: Declared) -> None:
    assert parse_declared(text) == declared


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("age", "the type of column 'age' is missing"),
        ("age: dubble", "Did you mean 'double'?"),
        ("age: double, age: long", "twice"),
        ("age: double n: long", "a comma is missing at 'n: long'"),
        ("age: double -> probabilities", "write probabilities(no, yes)"),
        ("age: double -> probabilities(yes)", "two classes or more"),
        ("age: double -> logits(a, a)", "each once"),
        ("age: double -> logits(a, b", "a bracket is missing"),
        ("age: double -> chance(a, b)", "There is no answer 'chance'"),
        ("age: double -> value more", "nothing more is read at 'more'"),
        (": double", "a column's name is missing"),
        (", ".join(f"c{place}: double" for place in range(10_001)), "more than 10,000 columns"),
        ("x" * (1 << 20) + "y", "longer than a megabyte"),
        ('"half: double', "missing"),
    ],
    ids=["type", "near", "twice", "comma", "classes", "one", "same", "bracket", "answer", "more", "name", "wide", "long", "quote"],
)
def test_what_is_no_signature_is_said_with_its_place(text: str, words: str) -> None:
    with pytest.raises(DeclaredSignatureError) as raised:
        parse_declared(text)
    assert words in str(raised.value)


def test_what_was_declared_is_read_from_the_model_again() -> None:
    declared = parse_declared("age: double, plan: string? -> probabilities(no, yes)")
    told = parse(bring(Source("m.pkl", {"m.pkl": b"x"}), declared).files)
    assert Declared.of(told) == Declared((), "probabilities", ("no", "yes"))
    found = columns_of(told.signature)
    assert found is not None
    assert [(column.name, column.dtype, column.required) for column in found] == [("age", "Float64", True), ("plan", "String", False)]


def test_a_directory_of_mlflow_s_keeps_what_it_says_but_for_what_is_declared() -> None:
    files = {"MLmodel": b"flavors:\n  onnx: {data: model.onnx}\nrun_id: abc\n", "model.onnx": b"x"}
    assert redeclared(files, Declared()) == files
    told = yaml.safe_load(redeclared(files, parse_declared("a: double -> logits(0, 1)"))["MLmodel"])
    assert (told["run_id"], told["flavors"]["onnx"]) == ("abc", {"data": "model.onnx"})
    assert told["flavors"]["flyball"] == {"gives": "logits", "classes": [0, 1]}
    with pytest.raises(UnknownModelFileError, match="no YAML"):
        redeclared({"MLmodel": b"\xff"}, parse_declared("a: double"))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("m.onnx", b"", "it is empty"),
        ("m.pmml", b"x", "nothing is known of files that end in .pmml"),
        ("model", b"x", "it has no ending"),
        ("m.txt", b"a,b\n1,2\n", "does not begin as LightGBM's text does"),
        ("m.pt", b"no archive", "pickled weights or a pickled module"),
    ],
    ids=["empty", "foreign", "bare", "text", "weights"],
)
def test_what_is_no_model_is_said_with_what_would_be(name: str, data: bytes, words: str) -> None:
    with pytest.raises(UnknownModelFileError) as raised:
        bring(Source(name, {name: data}), Declared())
    assert words in str(raised.value)
    assert "a directory of MLflow's" in str(raised.value)


def test_two_classes_may_be_one_number() -> None:
    expected = [[1.0, 0.25, 0.75], [0.0, 1.0, 0.0]]
    for said in ([0.75, 0.0], [[0.75], [0.0]], [[0.25, 0.75], [1.0, 0.0]]):
        assert answered(said, 2, gives="probabilities", classes=("no", "yes")).tolist() == expected


def test_logits_become_probabilities_without_overflow() -> None:
    found = answered([[1000.0, 0.0, -1000.0]], 1, gives="logits", classes=("a", "b", "c"))
    assert found.tolist() == [[0.0, 1.0, 0.0, 0.0]]
    assert answered([-1000.0, 0.0], 2, gives="logits", classes=("a", "b"))[:, 2].tolist() == [0.0, 0.5]


@pytest.mark.parametrize(
    ("said", "gives", "words"),
    [
        ([[0.5], [0.5]], "value", ""),
        ([[0.1, 0.2], [0.1, 0.2]], "value", "One value per row is served"),
        ([1.0], "value", "for 2 rows"),
        ([float("nan"), 1.0], "value", "1 of 2 values are NaN"),
        ([[2.0, -1.0], [0.0, 1.0]], "probabilities", "declare it: -> logits"),
        ([[0.2, 0.2], [0.0, 1.0]], "probabilities", "no probabilities"),
        ([[float("inf"), 0.2], [0.0, 1.0]], "logits", "NaN or infinite"),
        ([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], "logits", "not one per row and class of 2"),
        (["a", "b"], "value", "no array of numbers"),
    ],
    ids=["column", "wide", "rows", "nan", "negative", "sum", "infinite", "classes", "texts"],
)
def test_numbers_that_cannot_mean_what_was_declared_are_refused(said: Any, gives: Any, words: str) -> None:
    if not words:
        assert answered(said, 2, gives=gives).tolist() == np.ravel(said).tolist()
        return
    with pytest.raises(PredictionError) as raised:
        answered(said, 2, gives=gives, classes=("no", "yes"))
    assert words in str(raised.value)
