"""From labelled rows to a model with evidence: search, user's functions, evaluation."""

from flyball.training.errors import (
    LabelValueError,
    MetricTaskError,
    NoHoldoutError,
    OneClassError,
    SearchError,
    TooFewRowsError,
    TrainingFunctionError,
)
from flyball.training.model import Search, TrainingSet, TrainSpec, search
from flyball.training.requests import score_step, train_step

__all__ = [
    "LabelValueError",
    "MetricTaskError",
    "NoHoldoutError",
    "OneClassError",
    "Search",
    "SearchError",
    "TooFewRowsError",
    "TrainSpec",
    "TrainingFunctionError",
    "TrainingSet",
    "score_step",
    "search",
    "train_step",
]
