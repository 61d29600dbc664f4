"""Endpoints that list and prepare files: of runs, of logged models, and by their paths in the store."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from flyball.api.mlflow import forms
from flyball.api.mlflow.answers import Json
from flyball.api.mlflow.call import Call, run_of
from flyball.api.mlflow.errors import MissingValueError, WrongValueError
from flyball.api.mlflow.reading import Nothing
from flyball.registry.versionfiles import is_version_path
from flyball.tracking.artifact import ArtifactFile, Entry, Root, RootKind
from flyball.tracking.artifacterrors import ArtifactPathError

UPLOAD_HEADER = "flyball-upload-secret"
PROXY = "/api/2.0/mlflow-artifacts"
MOST_PARTS = 10_000


def of_run(call: Call, asked: forms.ListArtifacts) -> Json:
    """The names in a directory of a run."""
    head = call.services.tracking.runs.get(run_of(asked)).head
    root = Root(RootKind.RUN, head.experiment, head.id)
    return {"root_uri": head.artifact_uri, "files": _files(call.services.artifacts.list(root, asked.path or ""))}


def of_model(call: Call, asked: forms.ListModelArtifacts) -> Json:
    """The names in a directory of a logged model."""
    model = call.services.tracking.models.get(call.args["model_id"])
    root = Root(RootKind.MODEL, model.experiment, model.id)
    return {"root_uri": model.artifact_uri, "files": _files(call.services.artifacts.list(root, asked.artifact_directory_path or ""))}


def of_store(call: Call, asked: forms.ListPath) -> Json:
    """The names in a directory, by its path in the store; each without the path before it."""
    text = asked.path or ""
    listed = _files(call.registry.files.list(text) if is_version_path(text) else call.services.artifacts.list(*Root.parse(text)))
    for file in listed:
        file["path"] = file["path"].rpartition("/")[2]
    return {"files": listed}


def get_file(call: Call, path: str) -> ArtifactFile:
    """The file at a path in the store, which may be a version's.

    Raises:
        ArtifactPathError, ArtifactNotFoundError, ArtifactOwnerNotFoundError: there is none.
    """
    if is_version_path(path):
        return call.registry.files.get(path)
    return call.services.artifacts.get(*Root.parse(path))


def delete(call: Call, asked: Nothing) -> Json:
    """Nothing is at or below the path."""
    del asked
    root, path = Root.parse(call.args["path"])
    call.services.artifacts.delete(root, path)
    return {}


def create_upload(call: Call, asked: forms.CreateUpload) -> Json:
    """Where each part of a file is sent to, and with which headers."""
    root, path = _upload_place(call, asked.path or "")
    count = 1 if asked.num_parts is None else asked.num_parts
    if not 1 <= count <= MOST_PARTS:
        raise WrongValueError("num_parts", count, hint=f"It must be between 1 and {MOST_PARTS}.")
    upload, secret = call.services.artifacts.create_upload(root, path, principal=call.caller)
    headers = {UPLOAD_HEADER: secret, **_own_authorization(call)}
    credentials = [
        {"url": f"{call.address}{PROXY}/parts/{quote(upload.id)}/{number}", "part_number": number, "headers": headers}
        for number in range(1, count + 1)
    ]
    return {"upload_id": upload.id, "credentials": credentials}


def complete_upload(call: Call, asked: forms.EndUpload) -> Json:
    """The parts are the file."""
    root, _ = _upload_place(call, asked.path or "")
    if not asked.parts:
        raise MissingValueError("parts")
    etags = {part.part_number or 0: part.etag or "" for part in asked.parts}
    call.services.artifacts.complete_upload(asked.upload_id or "", root, etags=etags, principal=call.caller)
    return {}


def abort_upload(call: Call, asked: forms.EndUpload) -> Json:
    """The parts are gone."""
    root, _ = _upload_place(call, asked.path or "")
    call.services.artifacts.abort_upload(asked.upload_id or "", root, principal=call.caller)
    return {}


def presigned(call: Call, asked: Nothing) -> Json:
    """Where ranges of a file are read, and with which headers."""
    del asked
    file = get_file(call, call.args["path"])
    url = f"{call.address}{PROXY}/artifacts/{quote(call.args['path'])}"
    return {"url": url, "headers": _own_authorization(call), "file_size": file.size}


def _own_authorization(call: Call) -> dict[str, str]:
    # The stock client sends parts and ranges with these headers alone. It gets back what it came with, and no more.
    return {"Authorization": call.authorization} if call.authorization else {}


def _upload_place(call: Call, name: str) -> tuple[Root, str]:
    """The client names the directory in the path, and in the body the file as it lies on its own disk."""
    directory = call.args["path"]
    base = name.replace("\\", "/").rpartition("/")[2]
    if not base:
        raise ArtifactPathError(name, "it names no file")
    return Root.parse(f"{directory}/{base}")


def _files(entries: Iterable[Entry]) -> list[Json]:
    return [
        {"path": entry.path, "is_dir": entry.is_dir}
        if entry.size is None
        else {"path": entry.path, "is_dir": False, "file_size": entry.size}
        for entry in entries
    ]
