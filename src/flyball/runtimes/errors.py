"""What goes wrong with models as files and as things that predict.

::

    InvalidError ── ModelFormatError, FeatureTypeError, CodeCarryingError
    IntegrityError ── ModelFileError
    ConflictError ── PredictionError
"""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.errors import ConflictError, IntegrityError, InvalidError


class ModelFormatError(InvalidError):
    """A format that no runtime has."""

    code = "model-format"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no runtime for the model format {name!r}; formats: {', '.join(sorted(known))}.")


class ModelFileError(IntegrityError):
    """A model's files are not those that were written."""

    code = "model-file"

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"The model {where} cannot be read: {reason}. Take it from the registry again, or train it again.")


class CodeCarryingError(InvalidError):
    """A model that runs code when it is loaded, asked for where that is not allowed."""

    code = "code-carrying"

    def __init__(self, where: str) -> None:
        super().__init__(f"The model {where} carries code (pickle) and is loaded only inside a step's own process.")


class FeatureTypeError(InvalidError):
    """A feature of a type that no model can take."""

    code = "feature-type"

    def __init__(self, feature: str, dtype: str) -> None:
        super().__init__(f"The feature {feature!r} has the type {dtype}; models take numbers, booleans, times and texts. Convert it.")
        self.feature = feature


class PredictionError(ConflictError):
    """A model answered something that is no prediction."""

    code = "prediction"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The model's prediction is unusable: {reason}")
