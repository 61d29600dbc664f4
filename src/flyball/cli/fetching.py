"""Versions of a registry elsewhere: which one is meant, and its files, over MLflow's own routes."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from flyball.app.byhand import FetchedVersion
from flyball.app.referring import NoVersionsError
from flyball.client import Client
from flyball.client.wire import Ask, Json
from flyball.serving.byhand import MOST_BYTES, ModelReference, ModelTooLargeError

API, ARTIFACTS = "/api/2.0/mlflow", "/api/2.0/mlflow-artifacts/artifacts"
SCHEME = "mlflow-artifacts:/"


def fetch(client: Client, reference: ModelReference) -> FetchedVersion:
    """The version that is meant, with its files.

    Raises:
        ClientError: the server refuses, or nobody answers.
        NoVersionsError: the model has no version yet.
        ModelTooLargeError: its files are more than is read at once.
    """
    number = _number(client, reference)
    asked = {"name": reference.name, "version": str(number)}
    uri = str(client.ask(Ask("GET", f"{API}/model-versions/get-download-uri", asked))["artifact_uri"])
    root = uri.removeprefix(SCHEME)
    sizes = _list(client, root)
    if sum(sizes.values()) > MOST_BYTES:
        raise ModelTooLargeError(reference.name, number, size=sum(sizes.values()))
    files = {path.removeprefix(f"{root}/"): client.send(Ask("GET", f"{ARTIFACTS}/{quote(path)}")).content for path in sizes}
    return FetchedVersion(reference.name, number, files)


def _number(client: Client, reference: ModelReference) -> int:
    if reference.alias is not None:
        asked: Mapping[str, str] = {"name": reference.name, "alias": reference.alias}
        return int(client.ask(Ask("GET", f"{API}/registered-models/alias", asked))["model_version"]["version"])
    if reference.number is not None:
        asked = {"name": reference.name, "version": str(reference.number)}
        return int(client.ask(Ask("GET", f"{API}/model-versions/get", asked))["model_version"]["version"])
    found = client.ask(Ask("GET", f"{API}/registered-models/get", {"name": reference.name}))["registered_model"]
    numbers = [int(version["version"]) for version in found.get("latest_versions", [])]
    if not numbers:
        raise NoVersionsError(reference.name)
    return max(numbers)


def _list(client: Client, root: str) -> dict[str, int]:
    """The sizes of all files below the root, by their whole paths."""
    found: dict[str, int] = {}
    folders = [root]
    while folders:
        folder = folders.pop()
        answer: Json = client.ask(Ask("GET", ARTIFACTS, {"path": folder}))
        for entry in answer.get("files", []):
            path = f"{folder}/{str(entry['path']).rsplit('/', 1)[-1]}"
            if entry.get("is_dir"):
                folders.append(path)
            else:
                found[path] = int(entry.get("file_size") or 0)
    return found
