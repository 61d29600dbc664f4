"""The table of endpoints: which method and path takes which permission, reads which form and calls what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flyball.api.mlflow import about, experiments, files, forms, histories, listings, loggedmodels, registered, runs, versions
from flyball.api.mlflow.call import Call
from flyball.api.mlflow.files import Streaming
from flyball.api.mlflow.reading import Form, Nothing, Reader
from flyball.governance import Permission

READ, TRACK, REGISTER = Permission.READ, Permission.TRACK, Permission.REGISTER
Work = Callable[[Call, Any], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: `work` answers what `reader` reads, by a thread of the slow ones where it may take long; or `stream` moves a file."""

    method: str
    path: str
    permission: Permission
    reader: Reader[Any] | None = None
    work: Work | None = None
    stream: Streaming | None = None
    slow: bool = False


def _route(route: str, permission: Permission, *, form: type[Form], work: Work, slow: bool = False) -> Iterator[Route]:
    """The endpoint under both of its prefixes, that of clients and that of MLflow's pages."""
    method, _, path = route.partition(" ")
    reader = Reader(form)
    for prefix in ("/api", "/ajax-api"):
        yield Route(method, f"{prefix}{path}", permission, reader=reader, work=work, slow=slow)


def _stream(route: str, permission: Permission, *, stream: Streaming) -> Iterator[Route]:
    method, _, path = route.partition(" ")
    for prefix in ("/api", "/ajax-api"):
        yield Route(method, f"{prefix}{path}", permission, stream=stream)


def _experiments() -> Iterator[Route]:
    at = "/2.0/mlflow/experiments"
    yield from _route(f"POST {at}/create", TRACK, form=forms.CreateExperiment, work=experiments.create)
    yield from _route(f"POST {at}/search", READ, form=forms.Search, work=experiments.search, slow=True)
    yield from _route(f"GET {at}/search", READ, form=forms.Search, work=experiments.search, slow=True)
    yield from _route(f"GET {at}/get", READ, form=forms.OneExperiment, work=experiments.get)
    yield from _route(f"GET {at}/get-by-name", READ, form=forms.NamedExperiment, work=experiments.get_named)
    yield from _route(f"POST {at}/delete", TRACK, form=forms.OneExperiment, work=experiments.delete)
    yield from _route(f"POST {at}/restore", TRACK, form=forms.OneExperiment, work=experiments.restore)
    yield from _route(f"POST {at}/update", TRACK, form=forms.RenameExperiment, work=experiments.rename)
    yield from _route(f"POST {at}/set-experiment-tag", TRACK, form=forms.ExperimentTag, work=experiments.set_tag)
    yield from _route(f"POST {at}/delete-experiment-tag", TRACK, form=forms.ExperimentTag, work=experiments.delete_tag)


def _runs() -> Iterator[Route]:
    at = "/2.0/mlflow/runs"
    yield from _route(f"POST {at}/create", TRACK, form=forms.CreateRun, work=runs.create)
    yield from _route(f"GET {at}/get", READ, form=forms.OneRun, work=runs.get)
    yield from _route(f"POST {at}/update", TRACK, form=forms.UpdateRun, work=runs.update)
    yield from _route(f"POST {at}/delete", TRACK, form=forms.OneRun, work=runs.delete)
    yield from _route(f"POST {at}/restore", TRACK, form=forms.OneRun, work=runs.restore)
    yield from _route(f"POST {at}/search", READ, form=forms.SearchRuns, work=runs.search, slow=True)
    yield from _route(f"POST {at}/log-metric", TRACK, form=forms.LogMetric, work=runs.log_metric)
    yield from _route(f"POST {at}/log-parameter", TRACK, form=forms.RunPair, work=runs.log_param)
    yield from _route(f"POST {at}/set-tag", TRACK, form=forms.RunPair, work=runs.set_tag)
    yield from _route(f"POST {at}/delete-tag", TRACK, form=forms.RunPair, work=runs.delete_tag)
    yield from _route(f"POST {at}/log-batch", TRACK, form=forms.LogBatch, work=runs.log_batch)
    yield from _route(f"POST {at}/log-model", TRACK, form=forms.LogModel, work=runs.log_model)
    yield from _route(f"POST {at}/log-inputs", TRACK, form=forms.LogInputs, work=runs.log_inputs)
    yield from _route(f"POST {at}/outputs", TRACK, form=forms.LogOutputs, work=runs.log_outputs)


def _histories() -> Iterator[Route]:
    at = "/2.0/mlflow/metrics"
    yield from _route(f"GET {at}/get-history", READ, form=forms.History, work=histories.history, slow=True)
    yield from _route(f"GET {at}/get-history-bulk", READ, form=forms.BulkHistory, work=histories.bulk, slow=True)
    yield from _route(f"GET {at}/get-history-bulk-interval", READ, form=forms.BulkInterval, work=histories.interval, slow=True)


def _logged_models() -> Iterator[Route]:
    at = "/2.0/mlflow/logged-models"
    one = f"{at}/{{model_id}}"
    yield from _route(f"POST {at}", TRACK, form=forms.CreateLoggedModel, work=loggedmodels.create)
    yield from _route(f"POST {at}/search", READ, form=forms.SearchLoggedModels, work=loggedmodels.search, slow=True)
    yield from _route(f"GET {one}", READ, form=Nothing, work=loggedmodels.get)
    yield from _route(f"PATCH {one}", TRACK, form=forms.FinalizeLoggedModel, work=loggedmodels.finalize)
    yield from _route(f"DELETE {one}", TRACK, form=Nothing, work=loggedmodels.delete)
    yield from _route(f"PATCH {one}/tags", TRACK, form=forms.LoggedModelPairs, work=loggedmodels.set_tags)
    yield from _route(f"DELETE {one}/tags/{{tag_key:path}}", TRACK, form=Nothing, work=loggedmodels.delete_tag)
    yield from _route(f"POST {one}/params", TRACK, form=forms.LoggedModelPairs, work=loggedmodels.log_params)
    yield from _route(f"GET {one}/artifacts/directories", READ, form=forms.ListModelArtifacts, work=listings.of_model)


def _registered() -> Iterator[Route]:
    at = "/2.0/mlflow/registered-models"
    yield from _route(f"POST {at}/create", REGISTER, form=forms.CreateRegisteredModel, work=registered.create)
    yield from _route(f"GET {at}/get", READ, form=forms.NamedModel, work=registered.get)
    yield from _route(f"POST {at}/rename", REGISTER, form=forms.RenameModel, work=registered.rename)
    yield from _route(f"PATCH {at}/update", REGISTER, form=forms.DescribeModel, work=registered.update)
    yield from _route(f"DELETE {at}/delete", REGISTER, form=forms.NamedModel, work=registered.delete)
    yield from _route(f"GET {at}/search", READ, form=forms.Search, work=registered.search, slow=True)
    yield from _route(f"POST {at}/get-latest-versions", READ, form=forms.LatestVersions, work=registered.latest_versions)
    yield from _route(f"GET {at}/get-latest-versions", READ, form=forms.LatestVersions, work=registered.latest_versions)
    yield from _route(f"POST {at}/set-tag", REGISTER, form=forms.ModelPair, work=registered.set_tag)
    yield from _route(f"DELETE {at}/delete-tag", REGISTER, form=forms.ModelPair, work=registered.delete_tag)
    yield from _route(f"POST {at}/alias", REGISTER, form=forms.SetAlias, work=registered.set_alias)
    yield from _route(f"DELETE {at}/alias", REGISTER, form=forms.Alias, work=registered.delete_alias)
    yield from _route(f"GET {at}/alias", READ, form=forms.Alias, work=registered.get_by_alias)


def _versions() -> Iterator[Route]:
    at = "/2.0/mlflow/model-versions"
    yield from _route(f"POST {at}/create", REGISTER, form=forms.CreateVersion, work=versions.create, slow=True)
    yield from _route(f"GET {at}/get", READ, form=forms.OneVersion, work=versions.get)
    yield from _route(f"PATCH {at}/update", REGISTER, form=forms.DescribeVersion, work=versions.update)
    yield from _route(f"DELETE {at}/delete", REGISTER, form=forms.OneVersion, work=versions.delete)
    yield from _route(f"POST {at}/transition-stage", REGISTER, form=forms.MoveVersion, work=versions.transition)
    yield from _route(f"GET {at}/search", READ, form=forms.Search, work=versions.search, slow=True)
    yield from _route(f"GET {at}/get-download-uri", READ, form=forms.OneVersion, work=versions.download_uri)
    yield from _route(f"POST {at}/set-tag", REGISTER, form=forms.VersionPair, work=versions.set_tag)
    yield from _route(f"DELETE {at}/delete-tag", REGISTER, form=forms.VersionPair, work=versions.delete_tag)


def _files() -> Iterator[Route]:
    at = "/2.0/mlflow-artifacts"
    yield from _route("GET /2.0/mlflow/artifacts/list", READ, form=forms.ListArtifacts, work=listings.of_run)
    yield from _route(f"GET {at}/artifacts", READ, form=forms.ListPath, work=listings.of_store)
    yield from _stream(f"GET {at}/artifacts/{{path:path}}", READ, stream=files.download)
    yield from _stream(f"PUT {at}/artifacts/{{path:path}}", TRACK, stream=files.upload)
    yield from _route(f"DELETE {at}/artifacts/{{path:path}}", TRACK, form=Nothing, work=listings.delete)
    yield from _route(f"POST {at}/mpu/create/{{path:path}}", TRACK, form=forms.CreateUpload, work=listings.create_upload)
    yield from _route(f"POST {at}/mpu/complete/{{path:path}}", TRACK, form=forms.EndUpload, work=listings.complete_upload, slow=True)
    yield from _route(f"POST {at}/mpu/abort/{{path:path}}", TRACK, form=forms.EndUpload, work=listings.abort_upload)
    yield from _stream(f"PUT {at}/parts/{{upload}}/{{number}}", TRACK, stream=files.upload_part)
    yield from _route(f"GET {at}/presigned/{{path:path}}", READ, form=Nothing, work=listings.presigned)
    yield Route("GET", "/get-artifact", READ, stream=files.download_of_run)
    yield Route("GET", "/model-versions/get-artifact", READ, stream=files.download_of_version)


def _about() -> Iterator[Route]:
    yield from _route("GET /3.0/mlflow/server-info", READ, form=Nothing, work=about.server_info)
    yield Route("GET", "/health", Permission.LIVENESS, reader=Reader(Nothing), work=about.health)
    yield Route("GET", "/version", READ, reader=Reader(Nothing), work=about.version)


ROUTES: tuple[Route, ...] = (
    *_experiments(),
    *_runs(),
    *_histories(),
    *_logged_models(),
    *_registered(),
    *_versions(),
    *_files(),
    *_about(),
)
