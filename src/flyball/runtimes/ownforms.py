"""Models that have no flavor of MLflow's that says enough: a Python function by its name, PyTorch's programs. All are loaded apart.

Nothing is loaded here; a program is a program, whatever form it is written in, so each of them counts as code.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from flyball.core.canonical import canonical
from flyball.runtimes.declared import FLAVOR, Declared
from flyball.runtimes.errors import CodeNotAllowedError, ModelFileError, UnservableError
from flyball.runtimes.mlmodel import Mlmodel
from flyball.runtimes.model import Files, ModelManifest

FACTS, DATA = "own.json", "own/"
OwnForm = Literal["function", "exported", "torchscript"]
_WORDS: Mapping[OwnForm, str] = {
    "function": "a Python function", "exported": "an exported program of PyTorch's", "torchscript": "a TorchScript program",
}  # fmt: skip
_MLFLOWS = ("model.pt2", "model.pth")


def own_form(told: Mlmodel, files: Files) -> tuple[OwnForm, str] | None:
    """The form of ours that the files are, and the path of what is loaded; None where they are another.

    Raises:
        ModelFileError: what is named is not there.
    """
    if told.flavors.get(FLAVOR, {}).get("form") in _WORDS:
        path = told.get_path(FLAVOR, "data")
        if path not in files:
            raise ModelFileError("that was imported", f"its file {path!r} is not there")
        return cast("OwnForm", told.flavors[FLAVOR]["form"]), path
    if "pytorch" in told.flavors:
        folder = told.get_path("pytorch", "model_data")
        path = next((f"{folder}/{name}" for name in _MLFLOWS if f"{folder}/{name}" in files), "")
        form = torch_form(path, files[path]) if path else None
        return None if form is None else (form, path)
    return None


def torch_form(name: str, data: bytes) -> OwnForm | None:
    """The form of a file of PyTorch's; None of pickled weights or modules, which only their own code understands."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = [path.partition("/")[2] for path in archive.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError):
        return None
    if any(path.endswith(("archive_format", "serialized_exported_program.json")) or path.startswith("models/") for path in inside):
        return "exported"
    if any(path.startswith("code/") for path in inside):
        return "torchscript"
    return "exported" if name.endswith(".pt2") else None


def own_manifest(
    told: Mlmodel, files: Files, *, columns: Sequence[tuple[str, str]], may_run_code: bool
) -> tuple[ModelManifest, Files] | None:
    """The manifest and files of such a model, or None where it is another.

    Raises:
        CodeNotAllowedError: code may not be run.
        UnservableError: it does not say what it takes.
        ModelFileError: a file is not there.
    """
    found = own_form(told, files)
    if found is None:
        return None
    form, path = found
    if not may_run_code:
        raise CodeNotAllowedError(_WORDS[form])
    if not columns:
        raise UnservableError(f"it is {_WORDS[form]}, which does not say what columns it takes. Import it with a --signature")
    declared = Declared.of(told)
    manifest = ModelManifest(
        format=form, features=tuple(name for name, _ in columns), dtypes=tuple(dtype for _, dtype in columns), carries_code=True,
        task="classes" if declared.classes else "regression" if form != "function" or _says_numbers(told) else "values",
        classes=declared.classes,
    )  # fmt: skip
    facts: dict[str, Any] = {"data": path, "function": told.flavors.get(FLAVOR, {}).get("function", ""), "gives": declared.gives}
    kept = {path: files[path]} if form != "function" else {name: data for name, data in files.items() if name.endswith(".py")}
    return manifest, {FACTS: canonical(facts).encode(), **{DATA + name: data for name, data in kept.items()}}


def _says_numbers(told: Mlmodel) -> bool:
    outputs = () if told.signature is None else told.signature.outputs
    return bool(outputs) and all(found.get("type") in {"double", "float", "long", "integer"} for found in outputs)


def read_facts(files: Files) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What `own_manifest` kept: the facts, and the files by their paths.

    Raises:
        ModelFileError: it is damaged.
    """
    facts: dict[str, Any] = json.loads(files[FACTS])
    inner = {name.removeprefix(DATA): data for name, data in files.items() if name.startswith(DATA)}
    if facts.get("data") not in inner or not re.fullmatch(r"\w*", str(facts.get("function"))):
        raise ModelFileError("that was imported", "its files are not those that it names")
    return facts, inner
