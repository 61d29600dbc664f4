"""What each endpoint reads, in the names of MLflow's messages. Fields that an endpoint has no use for are left out, and passed over."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from flyball.api.mlflow.reading import Form, Number, Whole


class Pair(msgspec.Struct, gc=False):
    """A tag or a parameter."""

    key: str | None = None
    value: str | None = None


class MetricForm(msgspec.Struct, gc=False):
    """One value of a metric, in a batch; with the attributes of a `Metric`, so that a thousand need not be made anew."""

    key: str | None = None
    value: Number | None = None
    time_ms: Whole | None = msgspec.field(name="timestamp", default=None)
    step: Whole = 0
    model: str | None = msgspec.field(name="model_id", default=None)
    dataset_name: str | None = None
    dataset_digest: str | None = None


class DatasetForm(msgspec.Struct):
    """A dataset as a run has read it."""

    name: str | None = None
    digest: str | None = None
    source_type: str | None = None
    source: str | None = None
    schema: str | None = None
    profile: str | None = None


class DatasetInputForm(msgspec.Struct):
    """A dataset with the tags of this reading."""

    dataset: DatasetForm | None = None
    tags: list[Pair] | None = None


class ModelForm(msgspec.Struct):
    """A logged model that a run has read or made."""

    model_id: str | None = None
    step: Whole | None = None


class DatasetChoice(msgspec.Struct):
    """The dataset whose metrics a search looks at."""

    dataset_name: str | None = None
    dataset_digest: str | None = None


class OrderForm(msgspec.Struct):
    """One key that logged models are ordered by."""

    field_name: str | None = None
    ascending: bool | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class CreateExperiment(Form):
    """An experiment to be made."""

    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str | None = None
    artifact_location: str | None = None
    tags: list[Pair] | None = None


class OneExperiment(Form):
    """A request about one experiment."""

    required: ClassVar[tuple[str, ...]] = ("experiment_id",)
    experiment_id: str | None = None


class NamedExperiment(Form):
    """A request about one experiment, by its name."""

    required: ClassVar[tuple[str, ...]] = ("experiment_name",)
    experiment_name: str | None = None


class RenameExperiment(Form):
    """An experiment and its new name."""

    required: ClassVar[tuple[str, ...]] = ("experiment_id", "new_name")
    experiment_id: str | None = None
    new_name: str | None = None


class ExperimentTag(Form):
    """A tag of an experiment."""

    required: ClassVar[tuple[str, ...]] = ("experiment_id", "key")
    experiment_id: str | None = None
    key: str | None = None
    value: str | None = None


class Search(Form):
    """A search of experiments, registered models or their versions."""

    max_results: Whole | None = None
    page_token: str | None = None
    filter: str | None = None
    order_by: list[str] | None = None
    view_type: int | str | None = None


class SearchDatasets(Form):
    """Whose datasets are asked for."""

    experiment_ids: list[str] | None = None


class CreateRun(Form):
    """A run to be made."""

    experiment_id: str | None = None
    user_id: str | None = None
    run_name: str | None = None
    start_time: Whole | None = None
    tags: list[Pair] | None = None


class OneRun(Form):
    """A request about one run, by its id or by that id's old name."""

    run_id: str | None = None
    run_uuid: str | None = None


class UpdateRun(OneRun):
    """What changes of a run; what is left out stays."""

    status: int | str | None = None
    end_time: Whole | None = None
    run_name: str | None = None


class LogMetric(OneRun):
    """One value of a metric."""

    required: ClassVar[tuple[str, ...]] = ("key", "value", "timestamp")
    key: str | None = None
    value: Number | None = None
    timestamp: Whole | None = None
    step: Whole = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class RunPair(OneRun):
    """A parameter or a tag of a run."""

    required: ClassVar[tuple[str, ...]] = ("key",)
    key: str | None = None
    value: str | None = None


class LogBatch(OneRun):
    """Metrics, parameters and tags that are kept together, or not at all."""

    metrics: list[MetricForm] | None = None
    params: list[Pair] | None = None
    tags: list[Pair] | None = None


class LogModel(OneRun):
    """A model that a run has logged, in the old way."""

    required: ClassVar[tuple[str, ...]] = ("model_json",)
    model_json: str | None = None


class LogInputs(OneRun):
    """What a run has read."""

    datasets: list[DatasetInputForm] | None = None
    models: list[ModelForm] | None = None


class LogOutputs(OneRun):
    """What a run has made."""

    required: ClassVar[tuple[str, ...]] = ("models",)
    models: list[ModelForm] | None = None


class SearchRuns(Form):
    """Which runs are asked for."""

    experiment_ids: list[str] | None = None
    filter: str | None = None
    run_view_type: int | str | None = None
    max_results: Whole | None = None
    order_by: list[str] | None = None
    page_token: str | None = None


class ListArtifacts(OneRun):
    """A directory of a run."""

    path: str | None = None


class History(OneRun):
    """The values of one metric of one run."""

    required: ClassVar[tuple[str, ...]] = ("metric_key",)
    metric_key: str | None = None
    page_token: str | None = None
    max_results: Whole | None = None


class BulkHistory(Form):
    """The values of one metric of several runs."""

    run_id: list[str] | None = None
    metric_key: str | None = None
    max_results: Whole | None = None


class BulkInterval(Form):
    """Some values of one metric of several runs, between two steps."""

    required: ClassVar[tuple[str, ...]] = ("run_ids", "metric_key")
    run_ids: list[str] | None = None
    metric_key: str | None = None
    start_step: Whole | None = None
    end_step: Whole | None = None
    max_results: Whole | None = None


class CreateLoggedModel(Form):
    """A logged model to be made."""

    required: ClassVar[tuple[str, ...]] = ("experiment_id",)
    experiment_id: str | None = None
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[Pair] | None = None
    tags: list[Pair] | None = None


class FinalizeLoggedModel(Form):
    """What became of a logged model."""

    required: ClassVar[tuple[str, ...]] = ("status",)
    status: int | str | None = None


class LoggedModelPairs(Form):
    """Tags or parameters of a logged model."""

    tags: list[Pair] | None = None
    params: list[Pair] | None = None


class SearchLoggedModels(Form):
    """Which logged models are asked for."""

    required: ClassVar[tuple[str, ...]] = ("experiment_ids",)
    experiment_ids: list[str] | None = None
    filter: str | None = None
    datasets: list[DatasetChoice] | None = None
    max_results: Whole | None = None
    order_by: list[OrderForm] | None = None
    page_token: str | None = None


class ListModelArtifacts(Form):
    """A directory of a logged model."""

    artifact_directory_path: str | None = None


class CreateRegisteredModel(Form):
    """A registered model to be made."""

    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str | None = None
    tags: list[Pair] | None = None
    description: str | None = None


class NamedModel(Form):
    """A request about one registered model."""

    required: ClassVar[tuple[str, ...]] = ("name",)
    name: str | None = None


class RenameModel(NamedModel):
    """A registered model and its new name."""

    required: ClassVar[tuple[str, ...]] = ("name", "new_name")
    new_name: str | None = None


class DescribeModel(NamedModel):
    """A registered model and its description."""

    description: str | None = None


class LatestVersions(NamedModel):
    """Of which stages the latest version is asked for."""

    stages: list[str] | None = None


class ModelPair(NamedModel):
    """A tag of a registered model."""

    required: ClassVar[tuple[str, ...]] = ("name", "key")
    key: str | None = None
    value: str | None = None


class Alias(NamedModel):
    """An alias of a registered model."""

    required: ClassVar[tuple[str, ...]] = ("name", "alias")
    alias: str | None = None


class SetAlias(Alias):
    """An alias and the version that it names."""

    required: ClassVar[tuple[str, ...]] = ("name", "alias", "version")
    version: str | None = None


class CreateVersion(NamedModel):
    """A version to be made."""

    required: ClassVar[tuple[str, ...]] = ("name", "source")
    source: str | None = None
    run_id: str | None = None
    tags: list[Pair] | None = None
    run_link: str | None = None
    description: str | None = None
    model_id: str | None = None


class OneVersion(NamedModel):
    """A request about one version of a registered model."""

    required: ClassVar[tuple[str, ...]] = ("name", "version")
    version: str | None = None


class DescribeVersion(OneVersion):
    """A version and its description."""

    description: str | None = None


class MoveVersion(OneVersion):
    """A version and its new stage."""

    required: ClassVar[tuple[str, ...]] = ("name", "version", "stage")
    stage: str | None = None
    archive_existing_versions: bool | None = None


class VersionPair(OneVersion):
    """A tag of a version."""

    required: ClassVar[tuple[str, ...]] = ("name", "version", "key")
    key: str | None = None
    value: str | None = None


class ListPath(Form):
    """A directory by its path in the store."""

    path: str | None = None


class RunFile(OneRun):
    """One file of a run."""

    required: ClassVar[tuple[str, ...]] = ("path",)
    path: str | None = None


class VersionFile(OneVersion):
    """One file of a version."""

    required: ClassVar[tuple[str, ...]] = ("name", "version", "path")
    path: str | None = None


class CreateUpload(Form):
    """A file that comes in parts."""

    required: ClassVar[tuple[str, ...]] = ("path",)
    path: str | None = None
    num_parts: Whole | None = None


class UploadPart(msgspec.Struct):
    """One part as the client says it was taken."""

    part_number: Whole | None = None
    etag: str | None = None
    url: str | None = None


class EndUpload(Form):
    """A file whose parts have come, or will not."""

    required: ClassVar[tuple[str, ...]] = ("path", "upload_id")
    path: str | None = None
    upload_id: str | None = None
    parts: list[UploadPart] | None = None
