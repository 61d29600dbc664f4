"""MLflow's model directory, read as data: what its ``MLmodel`` says of flavors and signature, and which flavor carries code.

Nothing here loads a model, and nothing the file says of itself makes it trusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from flyball.core.optional import extra
from flyball.runtimes.errors import MlmodelError
from flyball.runtimes.model import Files

with extra("serve"):
    import yaml

MLMODEL = "MLmodel"
LONGEST_BYTES = 1 << 20
DEEPEST = 32
MOST_COLUMNS = 10_000
_UNSAFE = re.compile(r"(^/)|(^|/)\.\.(/|$)|\\|[\x00-\x1f]")

Flavors: TypeAlias = Mapping[str, Mapping[str, Any]]
ColumnType = Literal["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]
_TYPES: frozenset[str] = frozenset(get_args(ColumnType))


@dataclass(frozen=True, slots=True)
class SignatureColumn:
    """A named column of a signature; one that is not `required` may be left out."""

    name: str
    type: ColumnType
    required: bool = True


@dataclass(frozen=True, slots=True)
class Tensor:
    """An array: numpy's name of its type, and its shape, where -1 is any length; `name` is empty for the only one."""

    dtype: str
    shape: tuple[int, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes: columns or tensors, never both; what it gives is kept as it was written."""

    columns: tuple[SignatureColumn, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    outputs: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mlmodel:
    """What stands in an ``MLmodel`` file; `example` is the path of the logged input example and its layout."""

    flavors: Flavors
    signature: Signature | None = None
    example: tuple[str, str] | None = None
    mlflow_version: str = ""

    def get_path(self, flavor: str, *fields: str) -> str:
        """The first of the fields of a flavor that names a file, as a path below the model's directory.

        Raises:
            MlmodelError: none of them does, or it points outside.
        """
        facts = self.flavors.get(flavor, {})
        for field in fields:
            if facts.get(field):
                return _inside(facts[field], f"flavors.{flavor}.{field}")
        raise MlmodelError(f"the flavor {flavor} has none of {', '.join(fields)}")


def parse(files: Files) -> Mlmodel:
    """What the ``MLmodel`` among `files` says.

    Raises:
        MlmodelError: it is missing, too large, no YAML, or not what MLflow writes; aliases and tags of YAML are refused.
    """
    if MLMODEL not in files:
        raise MlmodelError(f"there is no file {MLMODEL} in it")
    return parse_text(files[MLMODEL])


def parse_text(data: bytes) -> Mlmodel:
    """What the bytes of an ``MLmodel`` say.

    Raises:
        MlmodelError: as `parse`.
    """
    read = _mapping(_read_yaml(data), "the file")
    named = _mapping(read.get("flavors") or {}, "flavors")
    flavors = {str(name): _mapping(facts or {}, f"flavors.{name}") for name, facts in named.items()}
    if not flavors:
        raise MlmodelError("it names no flavor")
    signature = read.get("signature")
    return Mlmodel(
        flavors=flavors,
        signature=None if signature is None else _signature(_mapping(signature, "signature")),
        example=_example(read.get("saved_input_example_info")),
        mlflow_version=str(read.get("mlflow_version") or ""),
    )


def _read_yaml(data: bytes) -> Any:
    if len(data) > LONGEST_BYTES:
        raise MlmodelError(f"its {MLMODEL} has {len(data):,} bytes; at most {LONGEST_BYTES:,} are read")
    try:
        text = data.decode()
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):  # a few lines of them unfold into gigabytes
                raise MlmodelError("it uses an alias of YAML, which MLflow never writes")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise MlmodelError(f"it is nested deeper than {DEEPEST} levels")
        return yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, MlmodelError):
            raise
        raise MlmodelError(f"its {MLMODEL} is no YAML: {str(error).splitlines()[0]}") from error


def _signature(found: Mapping[str, Any]) -> Signature:
    inputs = _specs(found.get("inputs"), "signature.inputs")
    tensors = [spec for spec in inputs if spec.get("type") == "tensor"]
    if tensors and len(tensors) < len(inputs):
        raise MlmodelError("its signature mixes columns and tensors")
    outputs = tuple(_specs(found.get("outputs"), "signature.outputs"))
    if tensors:
        return Signature(tensors=tuple(_tensor(spec) for spec in tensors), outputs=outputs)
    return Signature(columns=tuple(_column(spec, place) for place, spec in enumerate(inputs)), outputs=outputs)


def _specs(text: Any, where: str) -> Sequence[Mapping[str, Any]]:
    """Signatures stand as JSON within the YAML."""
    if text is None:
        return []
    try:
        specs = json.loads(text) if isinstance(text, str) else text
    except (json.JSONDecodeError, RecursionError) as error:
        raise MlmodelError(f"its {where} is no JSON: {error}") from error
    if not isinstance(specs, list) or len(specs) > MOST_COLUMNS:
        raise MlmodelError(f"its {where} is no list of at most {MOST_COLUMNS:,} columns")
    return [_mapping(spec, where) for spec in specs]


def _column(spec: Mapping[str, Any], place: int) -> SignatureColumn:
    name, kind = spec.get("name"), spec.get("type")
    if kind not in _TYPES:
        raise MlmodelError(f"its signature has a column of type {str(kind)[:60]!r}; columns are {', '.join(sorted(_TYPES))}, or tensors")
    # MLflow writes columns without names where rows were plain lists, and an old `optional` for what is not required.
    required = spec.get("required", not spec.get("optional", False))
    return SignatureColumn(str(place) if name is None else str(name), kind, required=bool(required))


def _tensor(spec: Mapping[str, Any]) -> Tensor:
    told = _mapping(spec.get("tensor-spec"), "signature.inputs")
    shape = told.get("shape")
    if not isinstance(shape, list) or not all(isinstance(length, int) for length in shape):
        raise MlmodelError("its signature has a tensor without a shape")
    return Tensor(str(told.get("dtype")), tuple(shape), str(spec.get("name") or ""))


def _example(found: Any) -> tuple[str, str] | None:
    if not isinstance(found, Mapping) or not isinstance(found.get("artifact_path"), str):
        return None
    return _inside(found["artifact_path"], "saved_input_example_info"), str(found.get("pandas_orient") or found.get("type") or "")


def _inside(path: Any, where: str) -> str:
    if not isinstance(path, str) or not path or _UNSAFE.search(path):
        raise MlmodelError(f"its {where} {str(path)[:60]!r} is no path inside the model")
    return path


def _mapping(found: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise MlmodelError(f"{where} is {type(found).__name__}, not names with values")
    return found
