"""Model formats: what a fitted model is as files, and how it answers."""

from flyball.runtimes.encoder import Column, Encoder
from flyball.runtimes.errors import (
    CodeCarryingError,
    CodeNotAllowedError,
    FeatureTypeError,
    MlmodelError,
    ModelFileError,
    ModelFormatError,
    NotConvertibleError,
    PredictionError,
    UnservableError,
)
from flyball.runtimes.files import archived, describe, load, read_manifest, save, save_archive
from flyball.runtimes.levels import levels_of
from flyball.runtimes.model import Description, Files, Format, ModelManifest, Predictor

__all__ = [
    "CodeCarryingError",
    "CodeNotAllowedError",
    "Column",
    "Description",
    "Encoder",
    "FeatureTypeError",
    "Files",
    "Format",
    "MlmodelError",
    "ModelFileError",
    "ModelFormatError",
    "ModelManifest",
    "NotConvertibleError",
    "PredictionError",
    "Predictor",
    "UnservableError",
    "archived",
    "describe",
    "levels_of",
    "load",
    "read_manifest",
    "save",
    "save_archive",
]
