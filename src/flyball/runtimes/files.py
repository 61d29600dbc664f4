"""Models as files: one directory, or one archive with the same content, both with a ``manifest.json``.

The archive is an uncompressed zip with sorted names and no times, so that equal models are equal bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import get_args

from flyball.core.canonical import canonical
from flyball.runtimes.blend import BlendPredictor
from flyball.runtimes.errors import CodeCarryingError, ModelFileError, ModelFormatError
from flyball.runtimes.linear import LinearPredictor
from flyball.runtimes.model import Description, Files, Format, ModelManifest, Predictor

FORMATS: tuple[Format, ...] = get_args(Format)
MANIFEST = "manifest.json"


def save(model: Predictor, directory: Path) -> None:
    """Write the model's files and manifest into `directory`, which is made."""
    for name, data in _files(model).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def save_archive(model: Predictor, path: Path) -> None:
    """Write the model as one archive, the same bytes for the same model."""
    path.write_bytes(archived(model.manifest, model.dump()))


def archived(manifest: ModelManifest, files: Files) -> bytes:
    """The archive of a model of that manifest and those files, the same bytes for the same model."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted({MANIFEST: _encoded(manifest), **files}.items()):
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def load(path: Path, *, allow_code: bool = False) -> Predictor:
    """The model saved in the directory or archive `path`. It does not check digests: who fetched the file did.

    Raises:
        ModelFileError: a file is missing or damaged.
        ModelFormatError: the format has no runtime here.
        CodeCarryingError: the model carries code and `allow_code` is false.
        MissingExtraError: the format's library is not installed.
    """
    try:
        return _parse(_read(path), str(path), allow_code=allow_code)
    except (KeyError, OSError, zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelFileError(str(path), f"{type(error).__name__}: {error}") from error


def read_manifest(path: Path) -> ModelManifest:
    """The manifest of a saved model, without loading the model.

    Raises:
        ModelFileError: it is missing or damaged.
    """
    try:
        return _manifest(_read(path))
    except (KeyError, OSError, zipfile.BadZipFile, json.JSONDecodeError) as error:
        raise ModelFileError(str(path), f"{type(error).__name__}: {error}") from error


def read_archive(data: bytes) -> tuple[ModelManifest, Files]:
    """The manifest and the files of an archive.

    Raises:
        ModelFileError: it is damaged, or no model.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        return _manifest(files), {name: content for name, content in files.items() if name != MANIFEST}
    except (KeyError, zipfile.BadZipFile, json.JSONDecodeError) as error:
        raise ModelFileError("that was packed", f"{type(error).__name__}: {error}") from error


def _files(model: Predictor) -> Files:
    return {MANIFEST: _encoded(model.manifest), **model.dump()}


def _encoded(manifest: ModelManifest) -> bytes:
    return canonical(manifest.to_json()).encode()


def _read(path: Path) -> Files:
    if path.is_dir():
        return {found.relative_to(path).as_posix(): found.read_bytes() for found in path.rglob("*") if found.is_file()}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _manifest(files: Files) -> ModelManifest:
    data = json.loads(files[MANIFEST])
    if data["format"] not in FORMATS:
        raise ModelFormatError(data["format"], FORMATS)
    names, dtypes = tuple(data["features"]), tuple(data["dtypes"])
    return ModelManifest(
        format=data["format"], features=names, dtypes=dtypes, task=data["task"], carries_code=data["carries_code"],
        classes=tuple(data.get("classes", ())),
    )  # fmt: skip


def _parse(files: Files, where: str, *, allow_code: bool) -> Predictor:
    manifest = _manifest(files)
    match manifest.format:
        case "linear":
            return LinearPredictor.parse(manifest, files)
        case "lightgbm":
            from flyball.runtimes.boosted import BoostedPredictor

            return BoostedPredictor.parse(manifest, files)
        case "blend":
            return BlendPredictor.parse(manifest, files, parse=lambda inner: _parse(inner, where, allow_code=allow_code))
        case _:
            if manifest.apart and not allow_code:
                raise CodeCarryingError(where)
            return _parse_made_elsewhere(manifest, files)


def _parse_made_elsewhere(manifest: ModelManifest, files: Files) -> Predictor:
    match manifest.format:
        case "pickle":
            from flyball.runtimes._pickle import PickledPredictor

            return PickledPredictor.parse(manifest, files)
        case "trees":
            from flyball.runtimes.forest import ForestPredictor

            return ForestPredictor.parse(manifest, files)
        case "xgboost":
            from flyball.runtimes.xgboosted import XgboostPredictor

            return XgboostPredictor.parse(manifest, files)
        case "onnx":
            from flyball.runtimes.onnxmodel import OnnxPredictor

            return OnnxPredictor.parse(manifest, files)
        case "staged":
            from flyball.runtimes.staged import StagedPredictor

            return StagedPredictor.parse(manifest, files)
        case "skops":
            from flyball.runtimes.logged import parse_skops

            return parse_skops(manifest, files)
        case "function":
            from flyball.runtimes.function import parse_function

            return parse_function(manifest, files)
        case "exported" | "torchscript":
            from flyball.runtimes.torched import parse_torch

            return parse_torch(manifest, files)
        case "mlflow":
            from flyball.runtimes.logged import parse_logged

            return parse_logged(manifest, files)
    raise ModelFormatError(manifest.format, FORMATS)


def describe(model: Predictor) -> Description:
    """What a loaded model says of itself, beyond what its manifest could know before."""
    told = getattr(model, "description", None)
    if isinstance(told, Description):
        return told
    manifest = model.manifest
    return Description(task=manifest.task, classes=manifest.classes, features=manifest.features)
