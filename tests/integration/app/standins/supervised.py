"""`flyball up` of stand-ins, as a process: HOME, then `NAME=MANNER,MANNER` for those that misbehave, and settings as `--FIELD=VALUE`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from flyball.app.processes import Program
from flyball.app.settings import Settings
from flyball.app.supervisor import CONSOLE, CONTROL, MODEL_SERVER, Supervisor
from flyball.cli.exits import told


def main() -> None:
    home, *options = sys.argv[1:]
    manners = dict(option.split("=") for option in options if not option.startswith("--"))
    chosen = {name.lstrip("-"): int(value) for name, _, value in (option.partition("=") for option in options if option.startswith("--"))}
    ports = {"control_port": 0, "serve_port": 0, "console_port": 0} | chosen

    def make(settings: Settings) -> Sequence[Program]:
        return [
            Program(
                name, f"the {name}", "answering", (url.rpartition(":")[2], *manners.get(name, "").split(",")), url=url, ends_within=seconds
            )
            for name, url, seconds in (
                (CONTROL, settings.control_url, 3.8),
                (MODEL_SERVER, settings.serve_url, 2.0),
                (CONSOLE, settings.console_url, 2.0),
            )
        ]

    settings = Settings(project=Path(home, "project.py"), home=Path(home)).with_ports(ports)
    with told(), Supervisor(settings, say=_say, ready=lambda _: _say("ready"), make=make) as supervisor:
        raise SystemExit(supervisor.run("flyball up project.py"))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
