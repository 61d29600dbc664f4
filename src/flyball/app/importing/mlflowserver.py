"""A running MLflow server as a source, by the REST routes that its own client uses."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from flyball.app.importing.source import FoundModel, FoundVersion, NotATrackingStoreError, SourceError, model_of, restored
from flyball.core.optional import extra
from flyball.tracking.experiment import Experiment, Lifecycle
from flyball.tracking.loggedmodel import LoggedModel, LoggedModelStatus
from flyball.tracking.model import RunStatus
from flyball.tracking.trackedrun import DatasetInput, Metric, ModelInput, ModelOutput, RunHead, TrackedRun

with extra("client"):
    import httpx

Json = Mapping[str, Any]
API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
PAGE, LONG_PAGE = 1000, 25_000
_TRIES, _PAUSE_SECONDS = 4, 0.5
_BUSY = frozenset((429, 502, 503, 504))
_STATUS = {
    "LOGGED_MODEL_PENDING": LoggedModelStatus.PENDING,
    "LOGGED_MODEL_READY": LoggedModelStatus.READY,
    "LOGGED_MODEL_UPLOAD_FAILED": LoggedModelStatus.FAILED,
}


class MlflowServer:
    """A `Source` over the server at `url`, whose token or name and password the caller has. One thread uses it."""

    def __init__(self, url: str, *, token: str | None = None, login: tuple[str, str] | None = None) -> None:
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=self._url, headers=headers, auth=login, timeout=120, follow_redirects=False, trust_env=False)

    @property
    def name(self) -> str:
        return f"the MLflow server {urlsplit(self._url).netloc}"

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def experiments(self) -> Iterator[Experiment]:
        asked = {"max_results": PAGE, "view_type": "ALL", "order_by": ["experiment_id ASC"]}
        for row in self._pages("POST", f"{API}/experiments/search", asked=asked, name="experiments"):
            yield Experiment(
                id=row["experiment_id"],
                name=row["name"],
                artifact_location=row.get("artifact_location", ""),
                lifecycle=Lifecycle(row.get("lifecycle_stage", "active")),
                created_ms=int(row.get("creation_time", 0)),
                updated_ms=int(row.get("last_update_time", 0)),
                tags=_texts(row.get("tags")),
            )

    def runs(self, experiment: str) -> Iterator[TrackedRun]:
        asked = {"experiment_ids": [experiment], "max_results": PAGE, "run_view_type": "ALL", "order_by": ["attributes.start_time ASC"]}
        for row in self._pages("POST", f"{API}/runs/search", asked=asked, name="runs"):
            data, inputs = row.get("data", {}), row.get("inputs", {})
            yield TrackedRun(
                head=_head(row["info"]),
                metrics=tuple(_metric(metric) for metric in data.get("metrics", ())),
                params=_texts(data.get("params")),
                tags=_texts(data.get("tags")),
                dataset_inputs=tuple(_dataset(found) for found in inputs.get("dataset_inputs", ())),
                model_inputs=tuple(ModelInput(model=found["model_id"]) for found in inputs.get("model_inputs", ())),
                model_outputs=tuple(
                    ModelOutput(model=found["model_id"], step=int(found.get("step", 0)))
                    for found in row.get("outputs", {}).get("model_outputs", ())
                ),
            )

    def history(self, run: str, key: str) -> Iterator[Metric]:
        asked = {"run_id": run, "metric_key": key, "max_results": LONG_PAGE}
        for row in self._pages("GET", f"{API}/metrics/get-history", asked=asked, name="metrics"):
            yield _metric(row)

    def logged_models(self, experiment: str) -> Iterator[LoggedModel]:
        asked = {"experiment_ids": [experiment], "max_results": 50}
        for row in self._pages("POST", f"{API}/logged-models/search", asked=asked, name="models", optional=True):
            info, data = row["info"], row.get("data", {})
            yield LoggedModel(
                id=info["model_id"],
                experiment=info["experiment_id"],
                name=info.get("name", info["model_id"]),
                status=_STATUS.get(info.get("status", ""), LoggedModelStatus.FAILED),
                status_message=info.get("status_message", ""),
                model_type=info.get("model_type") or None,
                source_run=info.get("source_run_id") or None,
                created_ms=int(info.get("creation_timestamp_ms", 0)),
                updated_ms=int(info.get("last_updated_timestamp_ms", 0)),
                artifact_uri=info.get("artifact_uri", ""),
                params=_texts(data.get("params")),
                tags=_texts(info.get("tags")),
                metrics=tuple(_metric(metric, model=info["model_id"]) for metric in data.get("metrics", ())),
            )

    def registered(self) -> Iterator[FoundModel]:
        for row in self._pages("GET", f"{API}/registered-models/search", asked={"max_results": 1000}, name="registered_models"):
            found = self._pages(
                "GET",
                f"{API}/model-versions/search",
                asked={"filter": f"name = '{row['name']}'", "max_results": 10_000},
                name="model_versions",
            )
            yield FoundModel(
                name=row["name"],
                description=row.get("description", ""),
                created_ms=int(row.get("creation_timestamp", 0)),
                updated_ms=int(row.get("last_updated_timestamp", 0)),
                tags=_texts(row.get("tags")),
                aliases={alias["alias"]: int(alias["version"]) for alias in row.get("aliases", ())},
                versions=tuple(sorted((self._version(version) for version in found), key=lambda version: version.number)),
            )

    def files(self, uri: str) -> Iterator[str]:
        yield from self._below(self._path(uri), "")

    def read(self, uri: str, path: str) -> Iterator[bytes]:
        where = f"{FILES}/{quote(self._path(uri))}/{quote(path)}"
        try:
            with self._client.stream("GET", where) as answer:
                if answer.status_code != 200:
                    raise SourceError(self.name, f"GET {where} answered {answer.status_code}")
                yield from answer.iter_bytes(1 << 20)
        except httpx.HTTPError as error:
            raise SourceError(self.name, str(error) or type(error).__name__) from error

    def _below(self, base: str, folder: str) -> Iterator[str]:
        where = f"{base}/{folder}".rstrip("/")
        for found in self._ask("GET", FILES, asked={"path": where}).get("files", ()):
            path = f"{folder}/{found['path']}".lstrip("/")
            if found.get("is_dir"):
                yield from self._below(base, path)
            else:
                yield path

    def _path(self, uri: str) -> str:
        parts = urlsplit(uri)
        if parts.scheme != "mlflow-artifacts":
            raise SourceError(uri, "the server does not give its artifacts out itself; import its database file on its machine instead")
        return parts.path.strip("/")

    def _version(self, row: Json) -> FoundVersion:
        name, number = row["name"], int(row["version"])
        found = self._ask("GET", f"{API}/model-versions/get-download-uri", asked={"name": name, "version": number})
        return FoundVersion(
            number=number,
            source=row.get("source", ""),
            files=found.get("artifact_uri", ""),
            run=row.get("run_id") or None,
            model=row.get("model_id") or model_of(row.get("source", "")),
            user=row.get("user_id", ""),
            description=row.get("description", ""),
            stage=row.get("current_stage") or "None",
            created_ms=int(row.get("creation_timestamp", 0)),
            updated_ms=int(row.get("last_updated_timestamp", 0)),
            tags=_texts(row.get("tags")),
        )

    def _pages(self, method: str, path: str, *, asked: Json, name: str, optional: bool = False) -> Iterator[Json]:
        token = ""
        while True:
            found = self._ask(method, path, asked={**asked, **({"page_token": token} if token else {})}, optional=optional)
            yield from found.get(name, ())
            token = found.get("next_page_token", "")
            if not token:
                return

    def _ask(self, method: str, path: str, *, asked: Json, optional: bool = False) -> Json:
        answer = self._send(method, path, asked=asked)
        if optional and answer.status_code in {404, 405}:  # an older server does not know it
            return {}
        try:
            found = answer.json()
        except ValueError as error:
            raise NotATrackingStoreError(self._url, f"{method} {path} answered {answer.status_code} and no JSON") from error
        if answer.status_code != 200 or not isinstance(found, dict):
            told = found.get("message", "") if isinstance(found, dict) else ""
            raise SourceError(self.name, f"{method} {path} answered {answer.status_code} {told}".strip())
        return found

    def _send(self, method: str, path: str, *, asked: Json) -> httpx.Response:
        how: dict[str, Any] = {"json": asked} if method == "POST" else {"params": asked}
        for left in reversed(range(_TRIES)):
            try:
                answer = self._client.request(method, path, **how)
            except httpx.HTTPError as error:
                if not left:
                    raise SourceError(self.name, str(error) or type(error).__name__) from error
            else:
                if answer.status_code not in _BUSY or not left:
                    return answer
            time.sleep(_PAUSE_SECONDS * 2 ** (_TRIES - left))
        raise AssertionError("the last try returns or raises")


def _head(info: Json) -> RunHead:
    end = info.get("end_time")
    return RunHead(
        id=info.get("run_id") or info["run_uuid"],
        experiment=info["experiment_id"],
        name=info.get("run_name") or info["run_id"],
        user=info.get("user_id", ""),
        status=RunStatus(str(info.get("status", "RUNNING")).lower()),
        start_ms=int(info.get("start_time", 0)),
        end_ms=None if end is None else int(end),
        lifecycle=Lifecycle(info.get("lifecycle_stage", "active")),
        artifact_uri=info.get("artifact_uri", ""),
    )


def _metric(row: Json, *, model: str | None = None) -> Metric:
    return Metric(
        key=row["key"],
        value=restored(float(row.get("value", 0.0))),
        time_ms=int(row.get("timestamp", 0)),
        step=int(row.get("step", 0)),
        model=row.get("model_id") or model,
        dataset_name=row.get("dataset_name") or None,
        dataset_digest=row.get("dataset_digest") or None,
        run=row.get("run_id") or None,
    )


def _dataset(row: Json) -> DatasetInput:
    data = row["dataset"]
    return DatasetInput(
        name=data["name"],
        digest=data["digest"],
        source_type=data.get("source_type", ""),
        source=data.get("source", ""),
        schema=data.get("schema"),
        profile=data.get("profile"),
        tags=_texts(row.get("tags")),
    )


def _texts(pairs: Any) -> dict[str, str]:
    return {pair["key"]: pair.get("value", "") for pair in pairs or ()}
