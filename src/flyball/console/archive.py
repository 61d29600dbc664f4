"""Where the console's pages about what is kept ask, in the name of whoever looks, with answers as typed values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from flyball.client.datasets import DatasetsClient
from flyball.client.endpoints import EndpointsClient
from flyball.client.errors import NotThereError
from flyball.client.tracking import Query, TrackingClient, View
from flyball.client.wire import Wire
from flyball.console.answers import decoded, decoded_list
from flyball.console.controlplane import ACTOR, TIMEOUT_SECONDS
from flyball.console.gateway import Gateway
from flyball.console.holdings import Holdings
from flyball.console.records import Curve, Evidence, Experiment, FileEntry, Latest, Registered, Run, Version
from flyball.core.trust import SYSTEM, Trust

if TYPE_CHECKING:
    import httpx

MOST_EXPERIMENTS = 1000
MOST_VERSIONS = 1000


class Archive:
    """What one visitor may look up; every method may raise a `FlyballError` whose sentence can stand on the page. Thread-safe."""

    def __init__(self, client: TrackingClient) -> None:
        self._client = client

    def list_experiments(self) -> tuple[Experiment, ...]:
        """The experiments that are not deleted, those changed last first."""
        found = self._client.search_experiments(Query(order_by=("last_update_time DESC",), max_results=MOST_EXPERIMENTS))
        return decoded_list(found.items, Experiment)

    def get_experiment(self, experiment: str) -> Experiment:
        """One experiment."""
        return decoded(self._client.get_experiment(experiment), Experiment)

    def search_runs(self, experiments: Sequence[str], query: Query, *, deleted: bool = False) -> tuple[tuple[Run, ...], str | None]:
        """A page of runs, and what asks for the next; no experiment stands for all of them."""
        view: View = "DELETED_ONLY" if deleted else "ACTIVE_ONLY"
        chosen = list(experiments) or [each.experiment_id for each in self.list_experiments()]
        found = self._client.search_runs(chosen, query, view=view)
        return decoded_list(found.items, Run), found.token

    def get_run(self, run: str) -> Run:
        """One run."""
        return decoded(self._client.get_run(run), Run)

    def curves(self, runs: Sequence[str], metric: str, *, points: int = 1000) -> Mapping[str, Curve]:
        """The metric's course in each of the runs that have it."""
        found: dict[str, list[tuple[int, int, float]]] = defaultdict(list)
        for each in decoded_list(self._client.list_interval(runs, metric, max_results=points), Latest):
            found[each.run_id].append((each.step, each.timestamp, each.number))
        return {run: sorted(points) for run, points in found.items()}

    def list_files(self, run: str, path: str = "") -> tuple[FileEntry, ...]:
        """The names in a directory of a run."""
        return decoded_list(self._client.list_artifacts(run, path).get("files", []), FileEntry)

    def open_file(self, run: str, path: str, *, headers: Mapping[str, str]) -> AbstractContextManager[httpx.Response]:
        """A file of the run, as it comes."""
        return self._client.open_artifact(run, path, headers=headers)

    def search_models(self, query: Query) -> tuple[tuple[Registered, ...], str | None]:
        """A page of registered models."""
        found = self._client.search_models(query)
        return decoded_list(found.items, Registered), found.token

    def get_model(self, name: str) -> Registered:
        """One registered model."""
        return decoded(self._client.get_model(name), Registered)

    def list_versions(self, name: str) -> tuple[Version, ...]:
        """The model's versions, the newest first; at most `MOST_VERSIONS`."""
        quoted = name.replace("'", "''")
        query = Query(f"name = '{quoted}'", order_by=("version_number DESC",), max_results=MOST_VERSIONS)
        return decoded_list(self._client.search_versions(query).items, Version)

    def list_evidence(self, name: str) -> tuple[Evidence, ...]:
        """What is known of the versions of a model that a loop trains; nothing of others."""
        try:
            return decoded_list(self._client.list_loop_versions(name), Evidence)
        except NotThereError:
            return ()


class Archives:
    """Opens archives over one set of connections; what no session stands for is asked with the console's own token."""

    def __init__(self, url: str, token: str | None, *, trust: Trust = SYSTEM) -> None:
        self._wire = Wire(url, token, actor=ACTOR, timeout_seconds=TIMEOUT_SECONDS, trust=trust)

    def of(self, session: str | None) -> Archive:
        """The archive as that session may see it; None is everybody, where nobody logs in."""
        return Archive(TrackingClient(self._wire, session=session))

    def gateway_of(self, session: str | None) -> Gateway:
        """The endpoints as that session may see them, and decide on them."""
        return Gateway(EndpointsClient(self._wire, session=session))

    def holdings_of(self, session: str | None) -> Holdings:
        """The datasets as that session may see them."""
        return Holdings(DatasetsClient(self._wire, session=session))
