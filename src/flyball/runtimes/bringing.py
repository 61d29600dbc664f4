"""A model's file of any known form as a directory of MLflow's, with an ``MLmodel`` that says what it is: nothing of it is loaded.

What a file is, is told by its content where that says it; its ending only says where to look. A stock client that is given the
directory loads it as well, as far as MLflow has a flavor for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from flyball.runtimes.declared import FLAVOR, Declared
from flyball.runtimes.errors import UnknownModelFileError
from flyball.runtimes.mlmodel import MLMODEL
from flyball.runtimes.model import Files
from flyball.runtimes.ownforms import torch_form

_FUNCTION = "predict"


@dataclass(frozen=True, kw_only=True)
class Brought:
    """The files of a model as they are kept; `words` say to a person what it was taken for."""

    files: Files
    words: str


@dataclass(frozen=True)
class Source:
    """The file that is the model, what lies beside it, and the function that is meant where it is Python."""

    path: str
    files: Files
    function: str = ""

    @property
    def data(self) -> bytes:
        return self.files[self.path]

    @property
    def ending(self) -> str:
        return self.path.rpartition(".")[2].lower() if "." in self.path else ""


def bring(source: Source, declared: Declared) -> Brought:
    """The directory that holds the file.

    Raises:
        UnknownModelFileError: it is no model of a form that is known here.
        ModelFileError: it is ONNX, and damaged.
    """
    if not source.data:
        raise UnknownModelFileError(source.path, "it is empty")
    if source.ending not in _FORMS:
        reason = f"nothing is known of files that end in .{source.ending}" if source.ending else "it has no ending"
        raise UnknownModelFileError(source.path, reason)
    return _FORMS[source.ending](source, declared)


def redeclared(files: Files, declared: Declared) -> Files:
    """MLflow's directory with another signature, where one is declared.

    Raises:
        UnknownModelFileError: its MLmodel cannot be written anew.
    """
    if not declared.columns and not declared.classes:
        return files
    try:
        told = yaml.safe_load(files[MLMODEL])
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnknownModelFileError(MLMODEL, "it is no YAML") from error
    if not isinstance(told, dict) or not isinstance(told.get("flavors"), dict):
        raise UnknownModelFileError(MLMODEL, "it names no flavor")
    flavor = {**(told["flavors"].get(FLAVOR) or {}), **declared.to_flavor()}
    told = {**told, "flavors": {**told["flavors"], FLAVOR: flavor}, **({"signature": declared.to_signature()} if declared.columns else {})}
    return {**files, MLMODEL: yaml.safe_dump(told, sort_keys=False).encode()}


def _onnx(source: Source, declared: Declared) -> Brought:
    from flyball.runtimes.onnxfile import whole

    return _made("onnx", {"data": "model.onnx"}, files={"model.onnx": whole(source.path, source.files)}, declared=declared, words="ONNX")


def _lightgbm(source: Source, declared: Declared) -> Brought:
    if not source.data.lstrip().startswith(b"tree"):
        raise UnknownModelFileError(source.path, "it does not begin as LightGBM's text does")
    facts = {"data": "model.lgb", "model_class": "lightgbm.basic.Booster"}
    return _made("lightgbm", facts, files={"model.lgb": source.data}, declared=declared, words="LightGBM's own text")


def _xgboost(source: Source, declared: Declared) -> Brought:
    name = "model.json" if source.data.lstrip()[:1] == b"{" and source.data.lstrip()[1:2] in b'"\n \r\t' else "model.ubj"
    facts = {"data": name, "model_class": "xgboost.core.Booster"}
    return _made("xgboost", facts, files={name: source.data}, declared=declared, words="XGBoost's own form")


def _pickle(source: Source, declared: Declared) -> Brought:
    name, form = ("model.joblib", "joblib") if source.ending == "joblib" else ("model.pkl", "cloudpickle")
    facts = {"pickled_model": name, "serialization_format": form}
    return _made("sklearn", facts, files={name: source.data}, declared=declared, words="a pickle, which is a program")


def _skops(source: Source, declared: Declared) -> Brought:
    facts = {"pickled_model": "model.skops", "serialization_format": "skops"}
    return _made("sklearn", facts, files={"model.skops": source.data}, declared=declared, words="a skops file")


def _torch(source: Source, declared: Declared) -> Brought:
    form = torch_form(source.path, source.data)
    if form is None:
        reason = "it holds pickled weights or a pickled module, not a program. Save it by torch.export.save or torch.jit.save"
        raise UnknownModelFileError(source.path, reason)
    name = "model.pt2" if form == "exported" else "model.pt"
    words = "an exported program of PyTorch's" if form == "exported" else "a TorchScript program"
    return _own({"form": form, "data": name}, {name: source.data}, declared=declared, words=words)


def _function(source: Source, declared: Declared) -> Brought:
    if not re.fullmatch(r"[A-Za-z_]\w*", source.function or _FUNCTION):
        raise UnknownModelFileError(source.path, f"{source.function!r} is no name of a function")
    kept = {name: data for name, data in source.files.items() if name.endswith(".py")}
    facts = {"form": "function", "data": source.path, "function": source.function or _FUNCTION}
    return _own(facts, kept, declared=declared, words=f"the Python function {facts['function']}")


_FORMS: Mapping[str, Callable[[Source, Declared], Brought]] = {
    "onnx": _onnx, "txt": _lightgbm, "lgb": _lightgbm, "ubj": _xgboost, "json": _xgboost, "xgb": _xgboost, "pkl": _pickle,
    "pickle": _pickle, "joblib": _pickle, "skops": _skops, "pt2": _torch, "pt": _torch, "pth": _torch, "ts": _torch, "py": _function,
}  # fmt: skip
ENDINGS = frozenset(_FORMS)


def _made(flavor: str, facts: Mapping[str, Any], *, files: Files, declared: Declared, words: str) -> Brought:
    path = facts.get("data") or facts["pickled_model"]
    flavors = {flavor: dict(facts), "python_function": {"loader_module": f"mlflow.{flavor}", "model_path": path, "data": path}}
    return Brought(files={MLMODEL: _text(flavors, declared), **files}, words=words)


def _own(facts: Mapping[str, Any], files: Files, *, declared: Declared, words: str) -> Brought:
    return Brought(files={MLMODEL: _text({FLAVOR: dict(facts)}, declared), **files}, words=words)


def _text(flavors: Mapping[str, Any], declared: Declared) -> bytes:
    ours = {**flavors.get(FLAVOR, {}), **declared.to_flavor()}
    told: dict[str, Any] = {"flavors": {**flavors, FLAVOR: ours}}
    signature = declared.to_signature()
    return yaml.safe_dump({**told, **({"signature": signature} if signature else {})}, sort_keys=False).encode()
