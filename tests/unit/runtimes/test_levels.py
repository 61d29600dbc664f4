"""What a model has seen of a category is what its encoders kept."""

from __future__ import annotations

import polars as pl

from flyball.runtimes import Encoder, ModelManifest, levels_of
from flyball.runtimes.blend import BlendPredictor
from flyball.runtimes.linear import LinearPredictor, Term

MANIFEST = ModelManifest(format="linear", features=("colour", "size"), dtypes=("String", "Float64"), task="binary")


def linear(*colours: str) -> LinearPredictor:
    encoder = Encoder.fit(pl.DataFrame({"colour": colours, "size": [1.0] * len(colours)}))
    return LinearPredictor(MANIFEST, encoder, 0.0, (Term((0.0,) * (len(colours) + 1)), Term((1.0,))))


def test_a_number_has_no_levels() -> None:
    assert levels_of(linear("red", "blue")) == {"colour": {"red", "blue"}}


def test_a_blend_knows_what_any_member_knows() -> None:
    blend = BlendPredictor(MANIFEST, (linear("red"), linear("blue")), (0.5, 0.5))
    assert levels_of(blend) == {"colour": {"red", "blue"}}
