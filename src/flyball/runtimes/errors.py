"""What goes wrong with models as files and as things that predict.

::

    InvalidError
    ├── ModelFormatError, FeatureTypeError, CodeCarryingError, CodeNotAllowedError
    ├── MlmodelError           an MLflow model that says what MLflow never writes
    ├── MissingValueError, BeyondError, RowsRejectedError    rows that a model does not take
    ├── DeclaredSignatureError, UnknownModelFileError    what a person brings, and says of it
    ├── UnservableError        a model of a shape that nobody here can ask
    └── NotConvertibleError    a model that has no form without code
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


class CodeNotAllowedError(InvalidError):
    """A model that carries code, logged by somebody who may not run code here."""

    code = "code-not-allowed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This model carries code ({reason}), and who uploaded it was not allowed to run code here at that time. Log it again as a "
            "principal who may, or in a form that carries none: ONNX, or LightGBM's or XGBoost's own."
        )


class MlmodelError(InvalidError):
    """An MLflow model whose description is not what MLflow writes."""

    code = "mlmodel"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This is no MLflow model that can be read: {reason}. Log it again with the MLflow client.")


class DeclaredSignatureError(InvalidError):
    """A text that declares no signature."""

    code = "declared-signature"

    def __init__(self, reason: str) -> None:
        said = reason if reason.endswith("?") else f"{reason.rstrip('.')}."
        super().__init__(f"This is no signature: {said} Write, for example, 'age: double, plan: string? -> probabilities(no, yes)'.")


class UnknownModelFileError(InvalidError):
    """A file or directory that is no model of a form that is known here."""

    code = "unknown-model-file"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name} is not imported: {reason.rstrip('.')}. What is: .onnx, LightGBM's .txt or .lgb, XGBoost's .ubj or .json, .pt2, "
            "TorchScript as .pt, .skops, .joblib, .pkl, a .py file with a function, and a directory of MLflow's."
        )


class UnservableError(InvalidError):
    """A model that is what it says, but of a shape that cannot be asked row by row."""

    code = "unservable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"This model cannot answer rows: {reason.rstrip('.')}.")


class MissingValueError(InvalidError):
    """A row without a value that the model cannot do without."""

    code = "missing-value"

    def __init__(self, column: str) -> None:
        super().__init__(f"The model takes no row without a value in column {column!r}. Send one, or put an imputer into the model.")


class BeyondError(InvalidError):
    """A number that is too great for a model's arithmetic."""

    code = "beyond"

    def __init__(self, column: str, greatest: float) -> None:
        super().__init__(f"The model takes no number beyond {greatest:.3g} in column {column!r}; send a smaller one.")


class RowsRejectedError(InvalidError):
    """Rows that a model's own arithmetic does not take."""

    code = "rows-rejected"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The model does not take these rows: {reason.rstrip('.')}.")


class NotConvertibleError(InvalidError):
    """A model that has no form without code; the reason says what stands in the way."""

    code = "not-convertible"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The model was not converted: {reason.rstrip('.')}.")
        self.reason = reason


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
