"""Features: what a model sees of a row, as it was known when the row was predicted."""

from flyball.features.catalogue import CatalogueEntry, list_features
from flyball.features.declare import count, last, max, mean, min, on_demand, sum, view, window_view  # noqa: A004 - users write fb.sum
from flyball.features.featureset import FeatureSet
from flyball.features.model import Aggregate, Feature, OnDemand, View, WindowView

__all__ = [
    "Aggregate",
    "CatalogueEntry",
    "Feature",
    "FeatureSet",
    "OnDemand",
    "View",
    "WindowView",
    "count",
    "last",
    "list_features",
    "max",
    "mean",
    "min",
    "on_demand",
    "sum",
    "view",
    "window_view",
]
