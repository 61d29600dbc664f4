"""The catalogue: every feature of a compiled set with where it comes from, for lists and pages; it computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from flyball.core.duration import format_duration
from flyball.core.ids import Digest
from flyball.data import Columns, Join
from flyball.features.definitions import fingerprint_feature
from flyball.features.featureset import FeatureSet
from flyball.features.model import Feature, OnDemand, View, WindowView

Kind: TypeAlias = Literal["columns", "view", "window-view", "on-demand"]


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """One feature: its full name and type, and its view with all that says what the feature means.

    `sources` are names of datasets, of features and columns for an on-demand feature. `entity` is what it is looked up by,
    `bound` the rows' columns that hold it. `rule` is how old or how wide it may be, as a short text. `fingerprint` is the
    view's: features of one view share it.
    """

    name: str
    dtype: str
    view: str
    kind: Kind
    sources: tuple[str, ...]
    entity: tuple[str, ...]
    bound: tuple[str, ...]
    rule: str
    fingerprint: Digest


def list_features(features: FeatureSet) -> list[CatalogueEntry]:
    """One entry for each feature, in the order of declaration."""
    return [entry for feature in features.features for entry in _entries(feature, features)]


def _entries(feature: Feature, features: FeatureSet) -> Iterator[CatalogueEntry]:
    view = label_of(feature)
    kind, sources = _origin(feature, features)
    entity, bound = (feature.entity, feature.bound) if isinstance(feature, View | WindowView) else ((), ())
    own = _own(feature, features.dtypes)
    for name in own:
        yield CatalogueEntry(
            name=name, dtype=str(features.dtypes[name]), view=view, kind=kind, sources=sources, entity=entity, bound=bound,
            rule=_rule(feature), fingerprint=fingerprint_feature(feature),
        )  # fmt: skip


def label_of(feature: Feature) -> str:
    """The first part of the full names of the feature's values."""
    return feature.dataset.name if isinstance(feature, Columns) else feature.label


def _own(feature: Feature, dtypes: Mapping[str, object]) -> list[str]:
    if isinstance(feature, Columns):
        return [f"{feature.dataset.name}.{name}" for name in feature.names]
    return [name for name in dtypes if name.startswith(f"{feature.label}.")]


def _origin(feature: Feature, features: FeatureSet) -> tuple[Kind, tuple[str, ...]]:
    match feature:
        case Columns():
            return "columns", (feature.dataset.name,)
        case View():
            return "view", (feature.source.name,)
        case WindowView():
            source = feature.source
            return "window-view", (source.left.name, source.right.name) if isinstance(source, Join) else (source.name,)
        case OnDemand():
            computation = next(item for item in features.computations if item.feature.name == feature.name)
            return "on-demand", tuple(computation.arguments.values())
    assert_never(feature)


def _rule(feature: Feature) -> str:
    match feature:
        case View():
            return "" if feature.ttl is None else f"not older than {format_duration(feature.ttl)}"
        case WindowView():
            return f"over {format_duration(feature.over)} every {format_duration(feature.every)}"
    return ""
