"""Model formats: what a fitted model is as files, and how it answers."""

from flyball.runtimes.encoder import Column, Encoder
from flyball.runtimes.errors import CodeCarryingError, FeatureTypeError, ModelFileError, ModelFormatError, PredictionError
from flyball.runtimes.files import load, read_manifest, save, save_archive
from flyball.runtimes.levels import levels_of
from flyball.runtimes.model import Files, Format, ModelManifest, Predictor

__all__ = [
    "CodeCarryingError",
    "Column",
    "Encoder",
    "FeatureTypeError",
    "Files",
    "Format",
    "ModelFileError",
    "ModelFormatError",
    "ModelManifest",
    "PredictionError",
    "Predictor",
    "levels_of",
    "load",
    "read_manifest",
    "save",
    "save_archive",
]
