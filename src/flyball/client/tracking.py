"""Runs, files and registered models of a control plane, asked for by MLflow's routes. It only reads: MLflow's own client writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from flyball.client.wire import Ask, Json, Wire, part
from flyball.core.optional import extra

with extra("client"):
    import httpx

View = Literal["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]
_API = "/api/2.0/mlflow"
_PASSED_ON = ("range", "if-range", "if-none-match")


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a longer answer; `token` asks for the next, and is None on the last."""

    items: list[Json]
    token: str | None


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, in MLflow's grammar, and which page of it."""

    filter: str = ""
    order_by: tuple[str, ...] = ()
    max_results: int = 100
    token: str | None = None

    def body(self) -> Json:
        """As MLflow's messages have it; what is empty is left out."""
        named = {"filter": self.filter, "order_by": list(self.order_by), "max_results": self.max_results, "page_token": self.token}
        return {name: value for name, value in named.items() if value}


class TrackingClient:
    """A door to what runs logged and what was registered, over `wire`; in the name of whom `session` belongs to, else the wire's own.

    Every method raises a `ClientError`. Thread-safe.
    """

    def __init__(self, wire: Wire, *, session: str | None = None) -> None:
        self._wire = wire
        self._headers = {"Authorization": f"Bearer {session}"} if session else {}

    def search_experiments(self, query: Query, *, view: View = "ACTIVE_ONLY") -> Listed:
        """A page of experiments."""
        return self._search("experiments", {**query.body(), "view_type": view}, name="experiments")

    def get_experiment(self, experiment: str) -> Json:
        """One experiment."""
        found: Json = self._get("experiments/get", experiment_id=experiment)["experiment"]
        return found

    def search_runs(self, experiments: Sequence[str], query: Query, *, view: View = "ACTIVE_ONLY") -> Listed:
        """A page of the runs of `experiments`, each with its params, tags and latest metrics."""
        return self._search("runs", {**query.body(), "experiment_ids": list(experiments), "run_view_type": view}, name="runs")

    def get_run(self, run: str) -> Json:
        """One run with its params, tags, latest metrics, inputs and outputs."""
        found: Json = self._get("runs/get", run_id=run)["run"]
        return found

    def list_interval(self, runs: Sequence[str], metric: str, *, max_results: int = 2500) -> list[Json]:
        """About so many values of `metric` of each of at most 100 runs, evenly over the steps, with the first and the last."""
        params = {"run_ids": list(runs), "metric_key": metric, "max_results": max_results}
        found: list[Json] = self._get("metrics/get-history-bulk-interval", **params).get("metrics", [])
        return found

    def list_artifacts(self, run: str, path: str = "") -> Json:
        """{"root_uri", "files": [{"path", "is_dir", "file_size"}]} of a directory of a run."""
        return self._get("artifacts/list", run_id=run, **({"path": path} if path else {}))

    @contextmanager
    def open_artifact(self, run: str, path: str, *, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
        """A file of a run, as it comes; of `headers` those of ranges and caches are passed on."""
        passed = {name: value for name, value in (headers or {}).items() if name.lower() in _PASSED_ON}
        # By the query: a path in the path could lead elsewhere.
        asked = Ask("GET", "/get-artifact", {"run_id": run, "path": path}, headers={**self._headers, **passed})
        with self._wire.stream(asked) as response:
            yield response

    def search_models(self, query: Query) -> Listed:
        """A page of registered models with their latest versions."""
        return self._find("registered-models", query, name="registered_models")

    def get_model(self, name: str) -> Json:
        """One registered model with its tags and aliases."""
        found: Json = self._get("registered-models/get", name=name)["registered_model"]
        return found

    def search_versions(self, query: Query) -> Listed:
        """A page of versions of registered models."""
        return self._find("model-versions", query, name="model_versions")

    def list_loop_versions(self, model: str) -> list[Json]:
        """The versions of a model that a loop trains, each with its evidence."""
        return self._wire.ask_list(Ask("GET", f"/api/v1/models/{part(model)}/versions", headers=self._headers), "versions")

    def _get(self, path: str, /, **params: Any) -> Json:
        return self._wire.ask(Ask("GET", f"{_API}/{path}", params, headers=self._headers))

    def _search(self, what: str, body: Json, *, name: str) -> Listed:
        return _listed(self._wire.ask(Ask("POST", f"{_API}/{what}/search", body=body, headers=self._headers)), name)

    def _find(self, what: str, query: Query, *, name: str) -> Listed:
        return _listed(self._get(f"{what}/search", **query.body()), name)


def _listed(found: Json, name: str) -> Listed:
    return Listed(found.get(name, []), found.get("next_page_token") or None)
