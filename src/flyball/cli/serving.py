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
from flyball.app.byhand import lay_out, lay_out_fetched
from flyball.app.listening import bind
from flyball.app.location import HOME, HomeNotFoundError, find_home
from flyball.app.workers import Workers
from flyball.core.trust import Trust
from flyball.governance.certificates import Certificate, Credentials
from flyball.serving.byhand import ModelReference
from flyball.serving.plan import ServingPlan


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to serve, and where; port 0 is any free one.

    `url` is the server to fetch from where there is no home here; `run_code` trusts what comes from there.
    """

    models: Sequence[str]
    host: str
    port: int
    auth: bool = True
    home: Path | None = None
    url: str | None = None
    run_code: bool = False
    workers: str = "1"
    grpc_port: int | None = None
    certificate: Certificate | None = None


def serve(wanted: Wanted) -> NoReturn:
    """Serve the versions until SIGTERM or Ctrl-C.

    Raises:
        FlyballError: a version is not there, may not be loaded or cannot be served; or the port is taken.
    """
    references = [ModelReference.parse(text) for text in wanted.models]
    workers = Workers.parse(wanted.workers)
    shown = None if wanted.certificate is None else Credentials(wanted.certificate)
    port = _free(wanted.host, wanted.port)
    try:
        home = find_home(wanted.home, Path.cwd())
    except HomeNotFoundError:
        if wanted.url is None:
            raise
        home = (wanted.home or Path(HOME)).resolve()  # a journal and a token are kept there
        plan, served = _fetched(wanted, references, home=home, port=port)
    else:
        plan, served = lay_out(home, references, port=port, actor=person())
    address = f"http{'s' if shown else ''}://{wanted.host}:{port}"
    for endpoint in served.endpoints:
        told = f"models:/{endpoint.model}/{endpoint.champion}"
        sys.stdout.write(f"{told} will answer at {address if shown is None else shown.named(address)}/predict/{quote(endpoint.endpoint)}\n")
    sys.stdout.flush()
    options = ["--home", str(home), "--host", wanted.host, "--port", str(port), "--plan", str(plan), "--workers", str(workers)]
    options += [] if wanted.grpc_port is None else ["--grpc-port", str(wanted.grpc_port)]
    command = [
        sys.executable,
        "-P",
        "-m",
        "flyball.predict",
        *options,
        *([] if shown is None else shown.certificate.options()),
        *([] if wanted.auth else ["--no-auth"]),
    ]
    os.execv(sys.executable, command)  # noqa: S606 - our own module; the server needs nothing of what found its models


def _fetched(wanted: Wanted, references: Sequence[ModelReference], *, home: Path, port: int) -> tuple[Path, ServingPlan]:
    from flyball.cli.fetching import fetch
    from flyball.client import Client
    from flyball.client.client import TOKEN

    with Client(wanted.url or "", os.environ.get(TOKEN), trust=Trust.of(os.environ)) as client:
        versions = [fetch(client, reference) for reference in references]
    return lay_out_fetched(home, versions, port=port, run_code=wanted.run_code)


def _free(host: str, port: int) -> int:
    """The port, which nobody has."""
    with bind(host, port, field="serve_port") as found:
        return int(found.getsockname()[1])
