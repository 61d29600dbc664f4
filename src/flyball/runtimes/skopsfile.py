"""skops' files: a fitted estimator as data. What they may name is on skops' own list of scikit-learn's and numpy's types, and on ours."""

from __future__ import annotations

from typing import Any

from flyball.core.optional import extra
from flyball.runtimes.errors import CodeNotAllowedError

with extra("onnx"):
    import skops.io  # type: ignore[import-untyped]  # it ships no types

ALLOWED = frozenset({
    "numpy.dtype", "collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier", "lightgbm.sklearn.LGBMRegressor",
    "xgboost.core.Booster", "xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRegressor",
})  # fmt: skip
"""Types beyond skops' own list that hold data alone: they are made from text or numbers and call nothing that the file names."""


def untrusted(data: bytes) -> list[str]:
    """The types that the file names and that are on nobody's list, sorted; none of its content is loaded for that."""
    return sorted(set(skops.io.get_untrusted_types(data=data)) - ALLOWED)


def load_skops(data: bytes, *, may_run_code: bool = False) -> Any:
    """The fitted object.

    Raises:
        CodeNotAllowedError: the file names a type that is not on the lists, and code may not be run.
    """
    found = untrusted(data)
    if found and not may_run_code:
        raise CodeNotAllowedError(f"its skops file names {', '.join(found[:6])}")
    return skops.io.loads(data, trusted=sorted(set(skops.io.get_untrusted_types(data=data))))
