"""What an endpoint takes and gives, in the words of the Open Inference Protocol: real names and types, from its form and its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from flyball.predict.tensors import Elements, Tensor
from flyball.runtimes.model import Label
from flyball.serving.asked import Answer
from flyball.serving.openform import OpenForm
from flyball.serving.rowform import RowForm
from flyball.serving.vectorform import VectorForm
from flyball.serving.version import LoadedVersion

PREDICTION, SCORE, PROBABILITIES = "prediction", "score", "probabilities"
ALWAYS = (PREDICTION, SCORE, PROBABILITIES)
"""What is answered where nobody says what is wanted; the others are given on request."""
_BINARY = 2
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class TensorSpec(msgspec.Struct, frozen=True, gc=False):
    """A tensor as metadata tell of it; -1 is any number of rows."""

    name: str
    datatype: str
    shape: tuple[int, ...]


_DATATYPES: Mapping[str, str] = {
    **{f"{sign}Int{bits}": f"{sign.upper()}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
    "Float32": "FP32", "Float64": "FP64", "Boolean": "BOOL",
    "Datetime(time_unit='us', time_zone='UTC')": "INT64", "Datetime(time_unit='us', time_zone=None)": "INT64",
}  # fmt: skip


def inputs_of(form: RowForm | OpenForm) -> list[TensorSpec]:
    """The columns of a request; times are microseconds since 1970 UTC, and may be sent as BYTES in ISO 8601. Of an open form its names."""
    if isinstance(form, OpenForm):
        return [TensorSpec(name, "FP64", (-1,)) for name in form.names]
    return [TensorSpec(name, _DATATYPES.get(kind, "BYTES"), (-1,)) for name, kind in form.columns.items()]


def beside_of(form: RowForm | OpenForm) -> list[TensorSpec]:
    """The columns that finished features may have beside them: the row's key, and what the routing looks at."""
    beside = form.beside if isinstance(form, VectorForm) else {}
    return [TensorSpec(name, _DATATYPES.get(kind, "BYTES"), (-1,)) for name, kind in beside.items()]


def outputs_of(version: LoadedVersion) -> list[TensorSpec]:
    """What is answered of each row unasked; a score only where the model has any."""
    classes = _classes(version)
    found = [TensorSpec(PREDICTION, _predicted(version), (-1,)), TensorSpec(SCORE, "FP64", (-1,))]
    if len(classes) > _BINARY:
        found.append(TensorSpec(PROBABILITIES, "FP64", (-1, len(classes))))
    return found


ON_REQUEST = (TensorSpec("id", "BYTES", (-1,)), TensorSpec("version", "INT64", (-1,)), TensorSpec("route", "BYTES", (-1,)))


def _classes(version: LoadedVersion) -> Sequence[Label]:
    return () if version.description is None else version.description.classes


def _predicted(version: LoadedVersion) -> str:
    classes = _classes(version)
    if classes:
        return _datatype(classes)
    if version.plan.task == "binary":
        return "BOOL"
    return "FP64" if version.plan.task == "regression" else "BYTES"


def _datatype(values: Sequence[Any]) -> str:
    """The datatype that holds all the values."""
    kinds = set(map(type, values))
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int} and min(values) >= _LEAST and max(values) <= _MOST:
        return "INT64"
    return "FP64" if kinds <= {int, float} else "BYTES"


def tensors_of(answer: Answer, version: LoadedVersion, *, wanted: Sequence[str] = ()) -> list[Tensor]:
    """The outputs that are wanted, or all that are there; `version` is the one whose types they have where the rows allow it."""
    found = [_MAKE[name](answer, version) for name in wanted or ALWAYS]
    return [tensor for tensor in found if wanted or any(value is not None for value in tensor.elements)]


def _predictions(answer: Answer, version: LoadedVersion) -> Tensor:
    values = list(answer.column(lambda part: part.predictions))
    datatype = _datatype_of(values, declared=_predicted(version), labelled=bool(_classes(version)))
    elements: Elements = values if datatype != "BYTES" else [value if isinstance(value, str) else _said(value) for value in values]
    return Tensor(name=PREDICTION, datatype=datatype, shape=(len(values),), elements=elements)


def _datatype_of(values: Sequence[Any], *, declared: str, labelled: bool) -> str:
    """The declared one where it holds the values; a model that says any value is declared as nothing that counts."""
    found = _datatype(values)
    widened = (declared == "FP64" and found == "INT64") or (declared == "BYTES" and labelled)
    return declared if widened else found


def _said(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()


def _scores(answer: Answer, version: LoadedVersion) -> Tensor:
    del version
    values = list(answer.column(lambda part: part.scores))
    return Tensor(name=SCORE, datatype="FP64", shape=(len(values),), elements=values)


def _probabilities(answer: Answer, version: LoadedVersion) -> Tensor:
    if not any(part.probabilities for part in answer.parts):
        return Tensor(name=PROBABILITIES, datatype="FP64", shape=(answer.rows.n, len(_classes(version))), elements=[])
    rows = answer.column(lambda part: part.probabilities or [{}] * len(part.rows))
    names = list(dict.fromkeys(name for row in rows for name in row))
    elements = [row.get(name) for row in rows for name in names]
    labels = {"labels": msgspec.json.encode(names).decode()}
    return Tensor(name=PROBABILITIES, datatype="FP64", shape=(len(rows), len(names)), elements=elements, parameters=labels)


def _ids(answer: Answer, version: LoadedVersion) -> Tensor:
    del version
    return Tensor(name="id", datatype="BYTES", shape=(answer.rows.n,), elements=list(answer.column(lambda part: part.ids)))


def _versions(answer: Answer, version: LoadedVersion) -> Tensor:
    del version
    found = list(answer.column(lambda part: [part.version] * len(part.rows)))
    return Tensor(name="version", datatype="INT64", shape=(answer.rows.n,), elements=found)


def _routes(answer: Answer, version: LoadedVersion) -> Tensor:
    del version
    found = list(answer.column(lambda part: [part.route] * len(part.rows)))
    return Tensor(name="route", datatype="BYTES", shape=(answer.rows.n,), elements=found)


_MAKE = {
    PREDICTION: _predictions, SCORE: _scores, PROBABILITIES: _probabilities, "id": _ids, "version": _versions, "route": _routes,
}  # fmt: skip
