"""``python -m flyball.console``: options in, a console that serves until it is told to end.

It does not know the home: where the control plane is, and with which token to ask it, comes from whoever starts it.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from flyball.console.errors import TokenMissingError
from flyball.core import logs
from flyball.core.errors import ConflictError, FlyballError, InvalidError
from flyball.core.trust import Trust
from flyball.governance.certificates import Certificate, Credentials

DEFAULT_PORT = 8502


def parser() -> argparse.ArgumentParser:
    """The options of the console."""
    made = argparse.ArgumentParser(prog="python -m flyball.console", description="The console: each model's loop on one page.")
    made.add_argument("--control-url", default=os.environ.get("FLYBALL_URL", "http://127.0.0.1:8500"), help="where the control plane is")
    made.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    made.add_argument("--port", type=int, default=DEFAULT_PORT, help="the port to listen on; 0 takes a free one")
    made.add_argument("--name", action="append", default=[], metavar="HOST", help="a further host name by which the console may be called")
    made.add_argument("--token-file", type=Path, help="a file that holds the owner's token; otherwise FLYBALL_TOKEN is taken")
    made.add_argument("--run-file", type=Path, help="where to write {pid, port, started} while the console listens")
    made.add_argument("--tls-cert", metavar="FILE", default=os.environ.get("FLYBALL_TLS_CERT"), help="speak TLS, by this certificate")
    made.add_argument("--tls-key", metavar="FILE", default=os.environ.get("FLYBALL_TLS_KEY"), help="the key of the certificate")
    made.add_argument("--control-certificate", type=Path, metavar="FILE", help="the certificate that the control plane shows")
    made.add_argument("--no-auth", action="store_true", help="ask nobody for a login; on loopback only")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the console. Exit codes are those of the `flyball` command: 2 wrong input, 7 the port is taken, 1 any other error."""
    chosen = parser().parse_args(arguments)
    try:
        logs.set_up("console", level=logging.WARNING)
        token = find_token(chosen.token_file, needed=not chosen.no_auth)
        # The framework is loaded when the options are known to be right: they are answered at once.
        from flyball.console.archive import Archives
        from flyball.console.controlplane import HttpControlPlane
        from flyball.console.server import Listener, serve

        certificate, known = Certificate.of(chosen.tls_cert, chosen.tls_key), chosen.control_certificate
        trust = Trust.pinning(known) if known is not None else Trust.of(os.environ)
        listener = Listener(
            host=chosen.host, port=chosen.port, names=tuple(chosen.name), logins=not chosen.no_auth, run_file=chosen.run_file, token=token,
            credentials=None if certificate is None else Credentials(certificate),
        )  # fmt: skip
        plane, archives = HttpControlPlane(chosen.control_url, token, trust=trust), Archives(chosen.control_url, token, trust=trust)
        serve(plane, archives, listener=listener, control_url=chosen.control_url)
    except FlyballError as error:
        logs.tell(error, before="flyball console: ")
        raise SystemExit(2 if isinstance(error, InvalidError) else 7 if isinstance(error, ConflictError) else 1) from error


def find_token(file: Path | None, *, needed: bool) -> str | None:
    """The token from the file, else from the environment.

    Raises:
        TokenMissingError: it is needed, and neither has one.
    """
    try:
        found = file.read_text(encoding="ascii").strip() if file is not None else os.environ.get("FLYBALL_TOKEN", "").strip()
    except (OSError, ValueError) as error:
        raise TokenMissingError from error
    if not found and needed:
        raise TokenMissingError
    return found or None
