"""Which source a text names: the URL of a server, or the file of a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from flyball.app.importing.mlflowfile import MlflowFile
from flyball.app.importing.source import NotATrackingStoreError, Source

TOKEN, USER, PASSWORD = "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"


@contextmanager
def opened(named: str, *, artifacts: Path | None, environment: Mapping[str, str]) -> Iterator[Source]:
    """The source that `named` names; a server is asked with what the variables of its own client hold.

    Raises:
        NotATrackingStoreError: it names neither.
    """
    parts = urlsplit(named)
    if parts.scheme in {"http", "https"}:
        if parts.username or parts.password:
            raise NotATrackingStoreError("a URL with a password in it", f"set {USER} and {PASSWORD} instead")
        from flyball.app.importing.mlflowserver import MlflowServer

        user, password = environment.get(USER), environment.get(PASSWORD)
        server = MlflowServer(named, token=environment.get(TOKEN), login=(user, password or "") if user else None)
        try:
            yield server
        finally:
            server.close()
        return
    if parts.scheme not in {"", "sqlite", "file"}:
        raise NotATrackingStoreError(named.partition("@")[2] or named, f"{parts.scheme}: is none of http, https and sqlite")
    file = MlflowFile(Path(named.removeprefix("sqlite:///").removeprefix("file://")), artifacts=artifacts)
    try:
        yield file
    finally:
        file.close()
