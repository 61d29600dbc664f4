"""Features: what a model sees of a row, as it was known when the row was predicted."""

from flyball.features.declare import count, last, max, mean, min, on_demand, sum, view, window_view  # noqa: A004 - users write fb.sum
from flyball.features.featureset import FeatureSet
from flyball.features.model import Aggregate, Feature, OnDemand, View, WindowView

__all__ = [
    "Aggregate",
    "Feature",
    "FeatureSet",
    "OnDemand",
    "View",
    "WindowView",
    "count",
    "last",
    "max",
    "mean",
    "min",
    "on_demand",
    "sum",
    "view",
    "window_view",
]
