"""How to serve, as the command line and the home say it. Light: who hands work to others reads no more than this."""

from __future__ import annotations

import argparse
import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flyball.app.settings import JOURNAL_BYTES, NotRunningError, Settings
from flyball.app.workers import Workers
from flyball.core.trust import SYSTEM, Trust
from flyball.governance import is_loopback
from flyball.governance.certificates import CERTIFICATE, KEY, Certificate, Credentials

BODY_SECONDS = 10.0
BULK_ROWS = 100_000
ALONE = Workers()
SHIP_LOG = "FLYBALL_SHIP_LOG"
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to serve. `names` are further host names by which the server may be called; `control_url` None follows nobody.

    `plan` is what is served instead of the home's own plan; whoever wrote it decides, and nobody is followed. `grpc_port` None
    listens for no gRPC; 0 is any free port, as for `port`. With a `certificate` TLS is spoken; `trust` is whom the server itself believes.
    `control_token` is what it asks the control plane with, if not the token of its own home.
    """

    home: Path
    host: str
    port: int
    auth: bool
    control_url: str | None
    names: tuple[str, ...] = ()
    body_seconds: float = BODY_SECONDS
    bulk_rows: int = BULK_ROWS
    plan: Path | None = None
    journal_bytes: int = JOURNAL_BYTES
    workers: Workers = ALONE
    grpc_port: int | None = None
    certificate: Certificate | None = None
    trust: Trust = SYSTEM
    control_token: str | None = None

    def name_at(self, port: int) -> str:
        """What the control plane calls this server: servers of several hosts, which may listen alike, are several."""
        named = os.environ.get(SHIP_LOG) or (self.host if is_loopback(self.host) else socket.gethostname())
        return _NO_NAME.sub("-", f"{named[:90]}-{port}")

    def credentials(self) -> Credentials | None:
        """What is shown to clients, tried; None without TLS.

        Raises:
            InvalidError: it cannot be shown; what to do is said.
        """
        return None if self.certificate is None else Credentials(self.certificate)


def parse(arguments: Sequence[str]) -> Options:
    """The options: those that were given, else those of the home's `flyball up`, else their defaults.

    Raises:
        SettingError: the home's settings are damaged, or an option can never be right.
        HalfCertificateError, CaFileError: a file that TLS needs is not named, or cannot be read.
    """
    given = _parser().parse_args(arguments)
    home = given.home.resolve()
    try:
        settings, control = Settings.load(home), True
    except NotRunningError:
        settings, control = Settings(project=Path(), home=home), False
    certificate = Certificate.of(given.tls_cert, given.tls_key)
    if certificate is None and given.plan is None:
        certificate = settings.certificate if control else Certificate.of(*(os.environ.get(name) for _, name in (CERTIFICATE, KEY)))
    theirs = given.control is not None or given.plan is not None
    trust = Trust(given.ca_file) if given.ca_file else Trust.of(os.environ) if theirs else settings.trust
    control_url = given.control or (settings.control_url if control and given.plan is None else None)
    if theirs and control_url is not None and control_url.startswith("https:"):
        trust.context()  # what is wrong with its file is said now, not each time that the control plane is asked
    return Options(
        home=home,
        host=given.host or settings.host,
        port=settings.serve_port if given.port is None else given.port,
        auth=(settings.auth or given.plan is not None) and not given.no_auth,
        control_url=control_url,
        plan=given.plan,
        names=tuple(given.name),
        body_seconds=given.body_seconds,
        bulk_rows=given.bulk_rows,
        journal_bytes=given.journal_bytes,
        workers=Workers.parse(given.workers or settings.workers),
        grpc_port=settings.grpc_port if given.grpc_port is None and given.plan is None else given.grpc_port,
        certificate=certificate,
        trust=trust,
        control_token=(os.environ.get("FLYBALL_TOKEN") or None) if given.control else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flyball.predict", description="Serve the models of a home.")
    parser.add_argument("--home", type=Path, required=True, help="the home whose models are served")
    parser.add_argument("--host", help="the address to listen on")
    parser.add_argument("--port", type=int, help="the port to listen on; 0 is any free one")
    parser.add_argument("--grpc-port", type=int, help="the port to listen on for gRPC; 0 is any free one; without it there is no gRPC")
    parser.add_argument("--workers", metavar="N|MIN-MAX", help="how many processes answer, or between how many")
    parser.add_argument("--control", metavar="URL", help="where the control plane is, which says what to serve")
    parser.add_argument("--name", action="append", default=[], help="a further host name by which clients call this server")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="serve what this plan says, and follow nobody")
    parser.add_argument("--tls-cert", metavar="FILE", help="speak TLS, by this certificate")
    parser.add_argument("--tls-key", metavar="FILE", help="the key of the certificate")
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="by whom the control plane's certificate was issued")
    parser.add_argument("--no-auth", action="store_true", help="ask nobody for a token (loopback only)")
    parser.add_argument("--bulk-rows", type=int, default=BULK_ROWS, help="how many rows an Arrow stream may have")
    parser.add_argument("--body-seconds", type=float, default=BODY_SECONDS, help="how long the body of a request may take to arrive")
    parser.add_argument("--journal-bytes", type=int, default=JOURNAL_BYTES, help="how much may wait until the control plane has read it")
    return parser
