"""Which values of a category a model has seen, so that a server can say of a request that it holds others."""

from __future__ import annotations

from collections.abc import Mapping

from flyball.runtimes.blend import BlendPredictor
from flyball.runtimes.boosted import BoostedPredictor
from flyball.runtimes.encoder import Encoder
from flyball.runtimes.linear import LinearPredictor
from flyball.runtimes.model import Predictor


def levels_of(model: Predictor) -> Mapping[str, frozenset[str]]:
    """The levels of each feature that is a category, those that any member of a blend knows; empty for a model of another kind.

    Levels that an encoder left out as too rare are not among them: to the model they are unknown as well.
    """
    known: dict[str, frozenset[str]] = {}
    for encoder in _encoders(model):
        for column in encoder.columns:
            if column.kind == "category":
                known[column.name] = known.get(column.name, frozenset()) | frozenset(column.levels)
    return known


def _encoders(model: Predictor) -> list[Encoder]:
    match model:
        case LinearPredictor() | BoostedPredictor():
            return [model.encoder]
        case BlendPredictor():
            return [encoder for member in model.members for encoder in _encoders(member)]
    return []
