"""What `flyball up` was told, as one value: the supervisor keeps it in the home, and every process that it starts reads it there."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from flyball.core.clock import utc
from flyball.core.errors import InvalidError, NotFoundError, UnavailableError
from flyball.core.trust import Trust
from flyball.governance.certificates import Certificate, Credentials
from flyball.storage.clockfile import RUN
from flyball.storage.errors import os_errors

SETTINGS = "settings.json"
UP = "up.json"
JOURNAL_BYTES = 4 << 30
"""So much of what a model server answered may wait until the control plane has read it."""
# What a person changes: the option of `flyball up` and the environment variable, by the field that they set.
OPTIONS = {
    "control_port": ("--control-port", "FLYBALL_CONTROL_PORT", "the control plane"),
    "serve_port": ("--serve-port", "FLYBALL_SERVE_PORT", "the model server"),
    "console_port": ("--console-port", "FLYBALL_CONSOLE_PORT", "the console"),
    "grpc_port": ("--grpc-port", "FLYBALL_GRPC_PORT", "the model server for gRPC"),
}


class SettingError(InvalidError):
    """A setting that can never be right."""

    code = "setting"

    def __init__(self, setting: str, found: object, *, wanted: str) -> None:
        super().__init__(f"{setting} is {found}, but must be {wanted}.")
        self.setting = setting


class PortTakenError(UnavailableError):
    """Another program listens where one of ours would."""

    code = "port-taken"

    def __init__(self, host: str, port: int, *, field: str) -> None:
        option, variable, part = OPTIONS[field]
        super().__init__(
            f"Port {port} of {host}, where {part} would listen, is taken by another program. "
            f"Stop that, or choose another port with {option} PORT or {variable}=PORT."
        )
        self.port, self.field = port, field


class NotRunningError(NotFoundError):
    """No `flyball up` has this home."""

    code = "not-running"

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"No `flyball up` runs in the home {home}, and no `flyball server`. Start one with `flyball up PROJECT.py`, "
            "or name another home with --home."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Without a `project` no loop runs.

    `epoch` and `speed` are those of a scaled clock, or both None on wall time. `hold`: time stands until a driver moves it.
    `workers` is how many processes the model server has, as `app.workers` reads it. `grpc_port` None listens for no gRPC. With a
    `certificate` every listener speaks TLS.
    """

    project: Path | None
    home: Path
    host: str = "127.0.0.1"
    control_port: int = 8500
    serve_port: int = 8501
    console_port: int = 8502
    auth: bool = True
    console: bool = True
    epoch: datetime | None = None
    speed: float | None = None
    hold: bool = False
    workers: str = "1"
    grpc_port: int | None = None
    certificate: Certificate | None = None

    def __post_init__(self) -> None:
        for field, (option, _, _) in OPTIONS.items():
            if not 0 <= (getattr(self, field) or 0) <= 65535:
                raise SettingError(option, getattr(self, field), wanted="a port from 1 to 65535, or 0 for any free one")
        ports = [port for port in (getattr(self, field) for field in OPTIONS) if port]
        if len(set(ports)) < len(ports):
            raise SettingError("One of the ports", "used twice", wanted="another one for each process")
        if self.epoch is None and self.speed is not None:
            raise SettingError("--speed", f"{self.speed:g} without --clock", wanted="given with --clock TIME")
        if self.speed is not None and not (self.speed > 0 and math.isfinite(self.speed)):
            raise SettingError("--speed", self.speed, wanted="a number greater than 0")
        if self.hold and self.epoch is None:
            raise SettingError("--hold", "given without --clock", wanted="given with --clock TIME")
        if self.epoch is not None:
            object.__setattr__(self, "epoch", utc(self.epoch))
            object.__setattr__(self, "speed", 1.0 if self.speed is None else self.speed)

    @property
    def title(self) -> str:
        """What it runs, in a word or two."""
        return "a server without a project" if self.project is None else self.project.name

    @property
    def trust(self) -> Trust:
        """By what the processes of this home know each other."""
        return Trust.pinning(None if self.certificate is None else self.certificate.chain)

    def told(self, url: str) -> str:
        """One of its addresses as a client is told it, who looks for a name that stands in the certificate.

        Raises:
            InvalidError: the certificate cannot be shown.
        """
        return url if self.certificate is None else Credentials(self.certificate).named(url)

    @property
    def control_url(self) -> str:
        """Where the control plane answers."""
        return self._url(self.control_port)

    @property
    def serve_url(self) -> str:
        """Where the model server answers."""
        return self._url(self.serve_port)

    @property
    def console_url(self) -> str:
        """Where the console answers."""
        return self._url(self.console_port)

    def _url(self, port: int) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, f"[{self.host}]" if ":" in self.host else self.host)  # noqa: S104 - what is replaced
        return f"http{'s' if self.certificate else ''}://{host}:{port}"

    def with_ports(self, ports: Mapping[str, int]) -> Settings:
        """These settings with other ports, by field."""
        changes: Any = ports
        return replace(self, **changes)

    def save(self) -> None:
        """Keep them in the home, for the processes that belong to it.

        Raises:
            UnavailableError: the home cannot be written.
        """
        write_json(self.home / RUN / SETTINGS, asdict(self))

    @classmethod
    def load(cls, home: Path) -> Self:
        """The settings of the last `flyball up` in this home.

        Raises:
            NotRunningError: there was none.
            SettingError: the file is damaged.
        """
        path = home / RUN / SETTINGS
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            epoch, project = found.pop("epoch"), found["project"]
            if shown := found.pop("certificate", None):
                found["certificate"] = Certificate.of(shown["chain"], shown["key"])
            found |= {"project": None if project is None else Path(project), "home": Path(found["home"])}
            return cls(**found, epoch=None if epoch is None else datetime.fromisoformat(epoch))
        except FileNotFoundError as error:
            raise NotRunningError(home) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SettingError(str(path), "damaged", wanted="what `flyball up` wrote; start that again") from error


def write_json(path: Path, value: object) -> None:
    """`path` holds `value`, whole or as it was before; paths and times are written as text.

    Raises:
        UnavailableError: it cannot be written.
    """
    with os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(value, file, indent=1, default=_text)
                file.write("\n")
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
