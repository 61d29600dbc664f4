"""What the commands of `flyball replicas` do."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from flyball.app.location import HOME, HomeNotFoundError, find_home
from flyball.app.replicas.order import Bounds, checked_name
from flyball.app.replicas.running import Around, Wanted, keep, open_ray
from flyball.app.replicas.standing import Standing, list_groups
from flyball.app.settings import NotRunningError
from flyball.cli.living import Lines
from flyball.cli.remote import find_running
from flyball.client import Client
from flyball.client.client import TOKEN
from flyball.client.errors import UnreachableError
from flyball.core.logs import set_up
from flyball.core.trust import Trust
from flyball.governance import OwnerToken


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says."""

    group: str
    bounds: Bounds
    cluster: str
    control: str | None
    home: Path | None
    host: str
    port: int
    grpc_port: int | None
    names: Sequence[str]
    workers: str
    node_dir: str
    bind: str
    stay: bool


def run(asked: Asked) -> None:
    """Keep the replicas until SIGTERM or Ctrl-C.

    Raises:
        NotRunningError: no control plane was named, and none runs the home.
        ClientError: the control plane does not take the token.
        FlyballError: see `app.replicas.running.keep`.
    """
    set_up("replicas")
    lines = Lines()
    home = _home(asked.home)
    control_url, trust = (asked.control, Trust.of(os.environ)) if asked.control else _control(home)
    token = os.environ.get(TOKEN) or OwnerToken.open(home).value
    wanted = Wanted(
        group=asked.group, bounds=asked.bounds, cluster=asked.cluster, control_url=control_url, token=token, home=home, host=asked.host,
        port=asked.port, grpc_port=asked.grpc_port, names=asked.names, workers=asked.workers, root=asked.node_dir, bind=asked.bind,
        stay=asked.stay,
    )  # fmt: skip
    try:
        with Client(control_url, token, trust=trust) as client:
            client.get_status()
    except UnreachableError as error:
        lines.say(f"{error} Replicas answer from what they were told last.")
    with _asked_to_end() as stop:
        keep(wanted, Around(stop=stop, say=lines.say, environment=os.environ, open=open_ray))


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    """Set by SIGTERM and Ctrl-C; who asks a second time does not wait for anybody."""
    stop = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def set_count(count: int, *, group: str, home: Path | None) -> None:
    """Say how many there should be."""
    before = Standing(_home(home), checked_name(group)).set_count(count)
    sys.stdout.write(f"{group}: {before} -> {count}\n")


def show(*, as_json: bool, home: Path | None) -> None:
    """Print each replica of each group."""
    groups = list_groups(_home(home))
    if as_json:
        sys.stdout.write(json.dumps({"groups": groups}, indent=2) + "\n")
        return
    names = ("replica", "state", "address", "node", "server", "restarts", "trouble")
    rows = [{"group": found["name"], **{name: one[name] for name in names}} for found in groups for one in found["replicas"]]
    if not rows:
        sys.stdout.write("No replicas are kept from here. Start some with `flyball replicas run`.\n")
        return
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    sys.stdout.writelines("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines)
    for found in groups:
        sys.stdout.write(f"{found['name']}: {found['wanted']} wanted; all answer at http://{found['address']}\n")


def _home(given: Path | None) -> Path:
    try:
        return find_home(given, Path.cwd())
    except HomeNotFoundError:
        return (given or Path(HOME)).resolve()  # the control plane is elsewhere; what is kept here is little


def _control(home: Path) -> tuple[str, Trust]:
    settings = find_running(home)
    if settings is None:
        raise NotRunningError(home)
    return settings.control_url, settings.trust
