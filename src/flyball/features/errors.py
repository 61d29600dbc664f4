"""What is wrong with a feature's definition, said where it can be changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flyball.core.errors import IntegrityError, InvalidError, UnavailableError


class NotRowWiseError(InvalidError):
    """A view does something that needs more than the row itself."""

    code = "not-row-wise"

    def __init__(self, where: str, operation: str, *, allowed: str = "select, filter, with_columns, drop and rename") -> None:
        super().__init__(
            f"{where} uses {operation}: its value would depend on other rows, some of them not known yet. "
            f"Row-wise are {allowed}; aggregate with a window view."
        )
        self.where, self.operation = where, operation


class FeatureFunctionError(InvalidError):
    """A feature's function failed or returned something else than it must."""

    code = "feature-function"

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where} does not work: {reason}")
        self.where, self.reason = where, reason


class AmbiguousArgumentError(InvalidError):
    """An argument could be bound to more than one thing."""

    code = "ambiguous-argument"

    def __init__(self, where: str, argument: str, *, found: Sequence[str]) -> None:
        super().__init__(
            f"The argument {argument!r} of {where} may be {' or '.join(map(repr, found))}. "
            f"Say which: @fb.on_demand({argument}={found[0]!r})."
        )
        self.argument, self.found = argument, tuple(found)


class CircularFeatureError(InvalidError):
    """On-demand features need each other."""

    code = "circular-feature"

    def __init__(self, path: Iterable[str]) -> None:
        self.path = tuple(path)
        super().__init__(f"On-demand features need each other in a circle: {' → '.join(self.path)}. Break it at one of them.")


class DuplicateFeatureError(InvalidError):
    """Two features have one name, or one has that of the rows' dataset or of a column."""

    code = "duplicate-feature"

    def __init__(self, name: str) -> None:
        super().__init__(f"The name {name!r} is taken twice. Rename one; a view is used a second time by role, as in sky.on('dest').")
        self.name = name


class EntityTypeError(InvalidError):
    """An entity has one type in the view and another in the rows."""

    code = "entity-type"

    def __init__(self, where: str, column: str, *, of_view: str, bound: str, of_rows: str) -> None:
        super().__init__(
            f"{where} is looked up by {column!r}, which is {of_view} there, but {bound!r} of the rows is {of_rows}. "
            f"Cast {column!r} in the view, or correct the type in the source."
        )
        self.where, self.column = where, column


class UnnamedFeatureError(InvalidError):
    """A window view that is not assigned to a variable has no name."""

    code = "unnamed-feature"

    def __init__(self) -> None:
        super().__init__("A window view is named after the variable it is assigned to. Write: punctuality = fb.window_view(...).")


class FeatureDefinitionError(InvalidError):
    """A declaration that can never be right."""

    code = "feature-definition"

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}.")
        self.where = where


class PredictionTimeError(InvalidError):
    """Rows without a prediction time cannot be looked up."""

    code = "prediction-time"

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} rows have no prediction time, so nothing says what was known. Give every row one, or leave it out.")


class OnlineTypeError(InvalidError):
    """A value that cannot be kept for look-ups of requests."""

    code = "online-type"

    def __init__(self, feature: str, dtype: str) -> None:
        super().__init__(f"{feature!r} is {dtype}, which cannot be looked up for a request. Select its parts as columns of their own.")
        self.feature, self.dtype = feature, dtype


class OnlineStoreError(UnavailableError):
    """The online store cannot be read or written now."""

    code = "online-store"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The online store {place} does not work: {reason}. What it held is computed anew at the next start.")
        self.place, self.reason = place, reason


class OnlineUrlError(InvalidError):
    """A URL that names no online store."""

    code = "online-url"
    variable = "FLYBALL_ONLINE_URL"

    def __init__(self, shown: str, reason: str) -> None:
        super().__init__(f"{self.variable} is {shown!r}: {reason}. Write redis://HOST:PORT/DB?prefix=NAME, or leave it unset.")


class OnlineSchemaError(IntegrityError):
    """A value of the online store was packed for other columns."""

    code = "online-schema"

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The online table {table!r} holds a value of other columns. Restart the control plane, which writes the table anew."
        )
        self.table = table


class FeatureMissingError(UnavailableError):
    """A value that a view is not answered without is not there now, or too old."""

    code = "feature-missing"

    def __init__(self, words: str) -> None:
        super().__init__(f"Without a fresh value there is no answer: {words}. Ask again when the control plane has published new rows.")


class EntityUnknownError(InvalidError):
    """A request names an entity of which a view that it needs knows nothing."""

    code = "entity-unknown"

    def __init__(self, words: str) -> None:
        super().__init__(f"Without a value there is no answer: {words}. Ask for an entity of which rows have come.")
