"""A model's finished features as the rows of a request, for callers who know them already.

Features have any type, requests only those of `rowform`: what lies between is said here, both ways. Beside its features a row may say
which one it is, by the columns of its key, and what the routing looks at: then it is logged, kept with its version and joined by labels
as a row is whose features were looked up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
import polars as pl

from flyball.serving.errors import FieldError
from flyball.serving.rowform import RowForm, Rows, find_kind


@dataclass(frozen=True)
class VectorForm(RowForm):
    """Rows that have a column for each feature. No feature may be left out: one that is not known is null.

    `beside` are further columns that a row may have, those of `row_key` among them: a request has the whole key of each of its rows, or
    of none. Without any the rows are of this form, which has no key; with some they are of a `BesideForm`.
    """

    beside: Mapping[str, str] = field(default_factory=dict)
    row_key: tuple[str, ...] = ()

    @property
    def accepted(self) -> Mapping[str, str]:
        return self.wide.columns if self.beside else self.columns

    @cached_property
    def wide(self) -> BesideForm:
        """The form in which nothing is said of what stands beside the features."""
        return BesideForm({**self.columns, **self.beside}, (), self.required, self)

    @cached_property
    def _keyed(self) -> BesideForm:
        return BesideForm(self.wide.columns, self.row_key, self.required, self)

    def decode(self, body: bytes) -> Rows:
        """The rows of the request, as `RowForm.decode`; most have features alone, and cost no more for those that have not."""
        if not self.beside:
            return super().decode(body)
        try:
            return self._read(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self.settled(self.wide.decode(body))

    def settled(self, rows: Rows) -> Rows:
        """The rows, which are of the wide form, in the form that they are of.

        Raises:
            FieldError: a row says only a part of its key, or none where others do.
        """
        said = {name for name in self.beside if any(value is not None for value in rows.columns[name])}
        if not said:
            return Rows(self, {name: rows.columns[name] for name in self.columns}, rows.n)
        if said.isdisjoint(self.row_key):
            return rows
        for name in self.row_key:
            if None in rows.columns[name]:
                reason = "it is missing, and the row's key is said by all of {}; send them for each row of the request, or for none"
                raise FieldError(rows.columns[name].index(None), name, reason=reason.format(", ".join(map(repr, self.row_key))))
        return Rows(self._keyed, rows.columns, rows.n)


@dataclass(frozen=True)
class BesideForm(RowForm):
    """Rows with more than their features, which alone are of the form `plain`."""

    plain: VectorForm


def features_of(rows: Rows) -> Rows:
    """The rows with their features alone."""
    form = rows.form
    if not isinstance(form, BesideForm):
        return rows
    return Rows(form.plain, {name: rows.columns[name] for name in form.plain.columns}, rows.n)


def vector_form(
    dtypes: Mapping[str, pl.DataType], *, beside: Mapping[str, str] | None = None, key: Sequence[str] = ()
) -> VectorForm | None:
    """The form of rows that have a column per feature, and may have those `beside`; None where a feature's values cannot be sent.

    What has the name of a feature is that feature: a key of which that is so cannot be said.
    """
    kinds = {name: find_kind(dtype) for name, dtype in dtypes.items()}
    columns = {name: kind for name, kind in kinds.items() if kind is not None}
    if len(columns) < len(kinds):
        return None
    ambiguous = {*key} & {*columns}
    more = {name: kind for name, kind in (beside or {}).items() if name not in columns and not (ambiguous and name in key)}
    return VectorForm(columns, (), frozenset(columns), more, () if ambiguous else tuple(key))


def as_features(frame: pl.DataFrame, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The frame of such rows, with the features' own types; one that has them already is returned as it is.

    Raises:
        pl.exceptions.PolarsError: a value is none of its feature's.
    """
    changed = [_restored(name, dtype) for name, dtype in dtypes.items() if frame.schema[name] != dtype]
    return frame.with_columns(changed) if changed else frame


def _restored(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    match dtype:
        case pl.Datetime(time_unit=unit, time_zone=str(zone)):
            return column.dt.convert_time_zone(zone).dt.cast_time_unit(unit)
        case pl.Duration(time_unit=unit):
            return column.cast(pl.Duration("us")).dt.cast_time_unit(unit)
    return column.cast(dtype)
