"""The control plane as its doors see it: one method per use case, in plain values, with errors that say what to do.

A door parses, calls one of these and renders; it knows neither stores nor services. What comes back is JSON-able: dicts, lists, texts,
numbers, None; times are ISO 8601 in UTC. Methods are synchronous, may block on the disk, and are called from several threads at
once. Waiting is the door's: nothing here waits for something to happen, but `push_rows` with `visible`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from flyball.app.dataplane import DataPlane
from flyball.app.deed import Deed, Json
from flyball.app.trafficplane import TrafficPlane
from flyball.data.bodies import Body
from flyball.serving.plan import ServingPlan

if TYPE_CHECKING:
    from flyball.app.predictioninbox import PredictionInbox
    from flyball.app.querying import Catalogue

__all__ = ["ControlPlane", "Deed", "EventPage", "Json", "Pulse"]


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a long poll waits to see change: the position of the last event, and the revision of the serving plan."""

    position: int
    plan: int


@dataclass(frozen=True, slots=True)
class EventPage:
    """Which events: at most `limit` after the log position `after`, of one model or of all."""

    after: int = 0
    limit: int = 100
    model: str | None = None


class ControlPlane(Protocol):
    """Use cases of one home, for its owner. Thread-safe.

    Every method raises NotFoundError for a name that nothing has, UnavailableError where a store cannot be reached, and leaves
    everything as it was when it raises.
    """

    @property
    def data(self) -> DataPlane | None:
        """Its datasets; None where it has no project."""
        ...

    @property
    def traffic(self) -> TrafficPlane | None:
        """Its endpoints; None where it has no project."""
        ...

    @property
    def inbox(self) -> PredictionInbox | None:
        """Where predictions of others come in; None where it has no project."""
        ...

    def find_catalogue(self) -> Catalogue | None:
        """The tables that queries see; None where it has no project."""
        ...

    def pulse(self) -> Pulse:
        """Where things stand, in at most a millisecond: it is asked many times a second while somebody waits."""
        ...

    def get_status(self) -> Json:
        """{"project", "clock", "models", "processes", "disk", "phase"}."""
        ...

    def list_models(self) -> Json:
        """{"models": [what `get_model` says of each]}."""
        ...

    def get_model(self, name: str) -> Json:
        """{"name", "endpoint", "metric", "loop", "champion", "canary", "traffic", "open_window"}."""
        ...

    def list_windows(self, model: str) -> Json:
        """{"windows": [...]}, ordered by start."""
        ...

    def list_versions(self, model: str) -> Json:
        """{"versions": [...]}, ordered by number."""
        ...

    def list_events(self, page: EventPage) -> Json:
        """{"events": [...], "position": up to where the log was read}; at once, also where there are none."""
        ...

    def list_causes(self, event: str) -> Json:
        """{"events": [...]} from the event to the one without a cause."""
        ...

    def promote(self, endpoint: str, version: int | None, *, deed: Deed) -> Json:
        """{"deployment", "event", "servers"}: the canary, or the version of that number, is the champion, and every model server knows.

        Raises:
            ConflictError: there is no canary and no version was named, or it may not answer.
        """
        ...

    def rollback(self, endpoint: str, *, deed: Deed) -> Json:
        """{"deployment", "event", "servers"}: the last step is taken back, and every model server knows.

        The canary is out of the traffic; without one a policy has ended; without that the champion has given way to the one before it.

        Raises:
            ConflictError: there is nothing to go back to.
        """
        ...

    def list_datasets(self) -> Json:
        """{"datasets": [...]}, ordered by name."""
        ...

    def push_rows(self, dataset: str, rows: Body, *, key: str | None, visible: bool) -> Json:
        """{"accepted", "quarantined": [{"row", "reason"}], "duplicate"} once nothing can lose the rows.

        With the same idempotency `key` again they count once. With `visible` it answers when features and labels see them.

        Raises:
            InvalidError: no row can be read as one of the dataset's.
            UnavailableError: the journal is full, or the disk is.
        """
        ...

    def pull_dataset(self, dataset: str, *, deed: Deed) -> Json:
        """{"dataset", "state", "rows", "added", "quarantined", "duplicates", "ingested", "new"} of the version that its source now makes.

        Raises:
            FlyballError: the source cannot be read; the dataset is as it was.
        """
        ...

    def get_prediction(self, prediction: str) -> Json:
        """The trace of one prediction: request, features with their times, version, training, gates, rollout, causes."""
        ...

    def find_parity(self) -> Json:
        """{"report": the last parity report or None}."""
        ...

    def run_parity(self, *, deed: Deed) -> Json:
        """{"report"}: served vectors compared with the offline ones, now."""
        ...

    def listen(self, told: Callable[[], None]) -> None:
        """`told` is called, from any thread and quickly done, when there is another plan that long polls should not wait for."""
        ...

    def find_plan(self, revision: int, *, server: str | None, refusal: str = "") -> ServingPlan | None:
        """The serving plan, or None where `revision` is the one that stands.

        `revision` is what the model server named `server` answers from now, `refusal` why it does not from the plan that it was given
        last; both are remembered.
        """
        ...
