"""`flyball serve`: registered versions answer, without a project. What they are is laid out first; then this process becomes the server."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from flyball.app.actor import person
from flyball.app.byhand import lay_out
from flyball.app.listening import bind
from flyball.app.location import find_home
from flyball.serving.byhand import ModelReference


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to serve, and where; port 0 is any free one."""

    models: Sequence[str]
    host: str
    port: int
    auth: bool = True
    home: Path | None = None


def serve(wanted: Wanted) -> NoReturn:
    """Serve the versions until SIGTERM or Ctrl-C.

    Raises:
        FlyballError: a version is not there, may not be loaded or cannot be served; or the port is taken.
    """
    references = [ModelReference.parse(text) for text in wanted.models]
    home = find_home(wanted.home, Path.cwd())
    port = _free(wanted.host, wanted.port)
    plan, served = lay_out(home, references, port=port, actor=person())
    for endpoint in served.endpoints:
        told = f"models:/{endpoint.model}/{endpoint.champion}"
        sys.stdout.write(f"{told} will answer at http://{wanted.host}:{port}/predict/{quote(endpoint.endpoint)}\n")
    sys.stdout.flush()
    options = ["--home", str(home), "--host", wanted.host, "--port", str(port), "--plan", str(plan)]
    command = [sys.executable, "-P", "-m", "flyball.predict", *options, *([] if wanted.auth else ["--no-auth"])]
    os.execv(sys.executable, command)  # noqa: S606 - our own module; the server needs nothing of what found its models


def _free(host: str, port: int) -> int:
    """The port, which nobody has."""
    with bind(host, port, field="serve_port") as found:
        return int(found.getsockname()[1])
