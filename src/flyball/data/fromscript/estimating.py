"""The `train=` function of a project made of a script: its estimator and parameters, behind an encoder for columns of any type."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from flyball.data.fromscript.facts import Estimator, Literal

_STATES = frozenset({"random_state", "seed"})
_NEEDS_MORE = frozenset({"early_stopping_rounds", "callbacks", "categorical_feature", "enable_categorical"})
_SEEDED = ("ForestClassifier", "ForestRegressor", "TreesClassifier", "TreesRegressor", "BoostingClassifier", "BoostingRegressor",
           "DecisionTreeClassifier", "DecisionTreeRegressor", "MLPClassifier", "MLPRegressor", "SGDClassifier", "SGDRegressor",
           "LGBMClassifier", "LGBMRegressor", "XGBClassifier", "XGBRegressor", "LogisticRegression")  # fmt: skip


def fits(estimator: Estimator, *, binary: bool) -> bool:
    """Whether it answers the question: a class where the label is yes or no, a number where it is a number."""
    classifies = estimator.name.endswith(("Classifier", "LogisticRegression", "SVC", "NB", "RidgeClassifier"))
    return classifies == binary


def train_text(estimator: Estimator, *, file: str) -> str:
    """The function, as text of the project file."""
    parameters = ", ".join(_parameters(estimator))
    left = [f"    # not taken over: {what}" for what in _left(estimator)]
    text = f'''\
        def train(given: fb.TrainingSet) -> object:
            """{estimator.name} as in {file}, {estimator.place}, behind an encoder for columns of any type."""
            from {estimator.module} import {estimator.name}
            from sklearn.compose import make_column_transformer
            from sklearn.impute import SimpleImputer
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import OneHotEncoder, StandardScaler

            texts = [name for name, dtype in given.features.schema.items() if dtype == pl.String]
            numbers = [name for name in given.features.columns if name not in texts]
            encode = make_column_transformer(
                (make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()), numbers),
                (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
            )
        <left>
            model = {estimator.name}({parameters})
            return make_pipeline(encode, model).fit(given.features, given.label)
        '''
    return dedent(text).replace("<left>\n", "".join(f"{line}\n" for line in left))


def _parameters(estimator: Estimator) -> list[str]:
    taken = {name: value for name, value in estimator.parameters.items() if name not in _STATES | _NEEDS_MORE and name.isidentifier()}
    written = [f"{name}={value!r}" for name, value in taken.items()]
    seeded = estimator.name.endswith(_SEEDED) or bool(_STATES & set(estimator.parameters))
    return [*written, "random_state=given.seed"] if seeded else written


def _left(estimator: Estimator) -> list[str]:
    found: Mapping[str, Literal] = {name: value for name, value in estimator.parameters.items() if name in _NEEDS_MORE}
    return [*(f"{name}={value!r}" for name, value in found.items()), *(" ".join(other.split())[:200] for other in estimator.others)]
