"""Every method of the client that moves files: of runs and of logged models, small and in parts."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from pathlib import Path

from mlflow.artifacts import download_artifacts
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from tests.clients.noted import Noted, fresh, tell

MEGABYTE = 1 << 20


def of_runs(client: Noted, experiment: str, *, place: Path) -> None:
    """Files of a run: logged, listed, given back."""
    run = client.create_run(experiment).info.run_id
    (place / "tree" / "deep").mkdir(parents=True)
    (place / "one.txt").write_text("one")
    (place / "tree" / "two.bin").write_bytes(bytes(range(256)))
    (place / "tree" / "deep" / "drei ü %.txt").write_text("drei")
    client.log_artifact(run, str(place / "one.txt"))
    client.log_artifact(run, str(place / "one.txt"), "sub/dir")
    client.log_artifacts(run, str(place / "tree"), "tree")
    client.log_text(run, "text", "said/text.txt")
    client.log_dict(run, {"a": 1}, "said/dict.json")
    client.log_stream(run, io.BytesIO(b"streamed"), "said/stream.bin")
    listed = {each.path: (each.is_dir, each.file_size) for each in client.list_artifacts(run)}
    assert listed == {"one.txt": (False, 3), "said": (True, None), "sub": (True, None), "tree": (True, None)}, listed
    assert [each.path for each in client.list_artifacts(run, "tree")] == ["tree/deep", "tree/two.bin"]
    assert client.list_artifacts(run, "one.txt") == []
    assert client.list_artifacts(run, "no/such") == []
    got = Path(client.download_artifacts(run, "", str(place)))
    assert (got / "tree/two.bin").read_bytes() == bytes(range(256))
    assert (got / "tree/deep/drei ü %.txt").read_text() == "drei"
    assert json.loads(Path(client.download_artifacts(run, "said/dict.json")).read_text()) == {"a": 1}
    assert Path(download_artifacts(f"runs:/{run}/said/stream.bin")).read_bytes() == b"streamed"
    repository = get_artifact_repository(client.get_run(run).info.artifact_uri)
    repository.delete_artifacts("said/text.txt")
    assert [each.path for each in client.list_artifacts(run, "said")] == ["said/dict.json", "said/stream.bin"]


def of_models(client: Noted, experiment: str, *, place: Path) -> None:
    """Files of a logged model."""
    model = client.create_logged_model(experiment, name="filed").model_id
    (place / "files").mkdir()
    (place / "files" / "MLmodel").write_text("flavors: {}")
    (place / "more.txt").write_text("more")
    client.log_model_artifacts(model, str(place / "files"))
    client.log_model_artifact(model, str(place / "more.txt"))
    client.finalize_logged_model(model, "READY")
    assert [each.path for each in client.list_logged_model_artifacts(model)] == ["MLmodel", "more.txt"]
    assert (Path(download_artifacts(f"models:/{model}")) / "MLmodel").read_text() == "flavors: {}"


def large(client: Noted, experiment: str, *, place: Path) -> None:
    """A file of 24 MB, first whole and then in parts."""
    run = client.create_run(experiment).info.run_id
    path = place / "large.bin"
    path.write_bytes(b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(24 * MEGABYTE // 32)))
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()
    client.log_artifact(run, str(path), "whole")
    os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "true"
    os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = str(MEGABYTE)
    os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"] = str(5 * MEGABYTE)
    client.log_artifact(run, str(path), "parts")
    for directory in ("whole", "parts"):
        (file,) = client.list_artifacts(run, directory)
        assert file.file_size == 24 * MEGABYTE
        got = client.download_artifacts(run, file.path)
        assert hashlib.sha256(Path(got).read_bytes()).hexdigest() == wanted


def main() -> None:
    """All of it."""
    client = Noted()
    for part in (of_runs, of_models, large):
        with tempfile.TemporaryDirectory() as place:
            part(client, client.create_experiment(fresh(part.__name__)), place=Path(place))
    tell(client)


if __name__ == "__main__":
    main()
