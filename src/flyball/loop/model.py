"""`Model` and `Project`: what a user declares, as frozen values that compare by meaning.

A model is a composition; each room takes its own part of it. Nothing here runs anything, and declaring has no side effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flyball.core.duration import parse_duration
from flyball.loop.errors import DeclarationError
from flyball.loop.triggers import Trigger

if TYPE_CHECKING:
    from flyball.data.model import Columns, Dataset, Label
    from flyball.features.model import OnDemand, View, WindowView
    from flyball.monitoring.model import MonitorSpec
    from flyball.releases.gates import GateSpec
    from flyball.releases.rollout import CanarySpec
    from flyball.serving.logspec import LogSpec
    from flyball.serving.quotas import Quota
    from flyball.training.model import Search, TrainingSet

    Feature = Columns | View | WindowView | OnDemand

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def checked_name(kind: str, name: str) -> str:
    """The name itself, which is safe as a path and in a list.

    Raises:
        DeclarationError: it is no name.
    """
    if not _NAME.fullmatch(name):
        raise DeclarationError(f"{kind} {name!r}", "a name is 1 to 63 of a-z, 0-9, '-' and '_', and starts with a letter")
    return name


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model and its whole life; see the reference for each field's meaning and default.

    Durations are texts such as "14d". `train` is `flyball.search(...)` or any function of a `TrainingSet` that returns a
    fitted model. Equality is by declaration; `loop.definition.fingerprint` is the canonical digest.

    Raises:
        DeclarationError: a name, list or number that can never be right.
        DurationError: a duration that is none.
    """

    name: str = field(kw_only=False)
    rows: Dataset
    label: Label
    features: Sequence[Feature]
    train: Search | Callable[[TrainingSet], Any]
    history: str
    lead: str = "0s"
    gates: Sequence[GateSpec] = ()
    rollout: CanarySpec | None = None
    monitors: Sequence[MonitorSpec] = ()
    retrain: Sequence[Trigger] = ()
    metric: str | None = None
    holdout: str = "14d"
    window: str = "7d"
    cool_down: str = "14d"
    train_timeout: str = "1h"
    train_on: str = "all"
    maturity: float = 0.95
    endpoint: str | None = None
    sticky: str | Sequence[str] | None = None
    seed: int = 0
    log: LogSpec | None = None
    quota: Quota | None = None

    def __post_init__(self) -> None:
        checked_name("Model", self.name)
        for name in ("features", "gates", "monitors", "retrain"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("lead", "history", "holdout", "window", "cool_down", "train_timeout"):
            length = parse_duration(getattr(self, name))
            if not length and name not in {"lead", "cool_down"}:
                raise DeclarationError(f"Model {self.name!r}", f"`{name}` must be longer than zero")
        if self.sticky is not None:
            columns = (self.sticky,) if isinstance(self.sticky, str) else tuple(self.sticky)
            if not columns or len(set(columns)) < len(columns):
                raise DeclarationError(f"Model {self.name!r}", "`sticky` names no column, or one twice; leave it out for the rows' key")
            object.__setattr__(self, "sticky", columns)
        if self.train_on != "all":
            parse_duration(self.train_on)
        if not 0 < self.maturity <= 1:
            raise DeclarationError(f"Model {self.name!r}", f"`maturity` is a share in (0, 1], not {self.maturity}")
        if not self.features:
            raise DeclarationError(f"Model {self.name!r}", "`features` is empty; name at least one column or view")

    def length(self, name: str) -> timedelta:
        """The declared duration `name` ("lead", "history", "holdout", "window", "cool_down", "train_timeout")."""
        return parse_duration(str(getattr(self, name)))

    @property
    def serves_at(self) -> str:
        """The endpoint's name: `endpoint`, or the model's own."""
        return self.endpoint or self.name

    @property
    def sticks_to(self) -> tuple[str, ...]:
        """The columns of `rows` by which a canary's share is drawn: rows that agree in them are answered by one version."""
        return self.rows.key if self.sticky is None else tuple(self.sticky)

    @property
    def objective(self) -> str | None:
        """The metric that training, gates and monitors share: the search's, else the declared one, else the task's default."""
        return self.metric or getattr(self.train, "metric", None)


@dataclass(frozen=True)
class Project:
    """Everything one file declares; two models may not share a name, nor two datasets that differ.

    `datasets` are those that no model uses, or not yet; a project may have nothing else.

    Raises:
        DeclarationError: neither models nor datasets, or a name used twice.
    """

    name: str
    models: Sequence[Model] = ()
    datasets: Sequence[Dataset] = ()

    def __post_init__(self) -> None:
        checked_name("Project", self.name)
        object.__setattr__(self, "models", tuple(self.models))
        object.__setattr__(self, "datasets", tuple(self.datasets))
        if not self.models and not self.datasets:
            raise DeclarationError(f"Project {self.name!r}", "it has no models and no datasets; pass models=[...] or datasets=[...]")
        for dataset in self.datasets:
            if not hasattr(dataset, "event_time"):
                raise DeclarationError(f"Project {self.name!r}", f"{dataset!r} among its datasets is none; declare it by fb.Dataset(...)")
        names = [model.name for model in self.models]
        for name in names:
            if names.count(name) > 1:
                raise DeclarationError(f"Project {self.name!r}", f"two models are named {name!r}")

    def get(self, name: str) -> Model:
        """The model of that name.

        Raises:
            UnknownNameError: there is none; the near name is named.
        """
        from flyball.core.errors import UnknownNameError

        for model in self.models:
            if model.name == name:
                return model
        raise UnknownNameError("model", name, known=[model.name for model in self.models], where=f"project {self.name!r}")
