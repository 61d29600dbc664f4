"""Puts together what keeps a group of replicas: the cluster, the front, the files of the home."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flyball.app.blobs import BLOBS_URL
from flyball.app.listening import bind
from flyball.app.location import DATABASE, PLACES
from flyball.app.replicas.cluster import Cluster
from flyball.app.replicas.errors import ModelsNotSharedError
from flyball.app.replicas.front import Address, Front
from flyball.app.replicas.keeper import Keeper, Table, Told
from flyball.app.replicas.order import Bounds, Order, State, passed_on
from flyball.app.replicas.standing import Standing
from flyball.app.workers import Workers
from flyball.core.ids import RandomIds
from flyball.governance.hosts import check_bind

START_SECONDS = 120.0
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  compared with, not bound to
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which replicas, and where their one address is; port 0 is any free one, `grpc_port` None is none.

    `stay`: who ends this leaves them running, for whoever keeps them next. `bind` is where they listen, "" for their node's address.
    """

    group: str
    bounds: Bounds
    cluster: str
    control_url: str
    token: str
    home: Path
    host: str = "127.0.0.1"
    port: int = 8501
    grpc_port: int | None = None
    names: Sequence[str] = ()
    workers: str = "1"
    root: str = ""
    bind: str = ""
    stay: bool = False


class Opener(Protocol):
    """Finds the replicas of a group on the cluster at an address; `keeper` is who asks, as others read it."""

    def __call__(self, address: str, group: str, *, keeper: str) -> Cluster: ...


@dataclass(frozen=True, kw_only=True)
class Around:
    """What the keeping of replicas meets: who ends it, who reads its lines, the settings, and how the cluster is found."""

    stop: threading.Event
    say: Callable[[str], None]
    environment: Mapping[str, str]
    open: Opener
    start_seconds: float = START_SECONDS


def open_ray(address: str, group: str, *, keeper: str) -> Cluster:
    """The replicas of the group on Ray's cluster at the address.

    Raises:
        MissingExtraError: Ray is not installed.
        ClusterNotFoundError: there is no cluster.
    """
    from flyball.app.replicas._ray import RayCluster

    return RayCluster(address, group, keeper=keeper)


def keep(wanted: Wanted, around: Around) -> None:
    """Keep the replicas until told to stop; then they answer what they owe and are gone, unless they are to stay.

    Raises:
        ReplicasHeldError: somebody keeps a group of that name, from this home or on that cluster.
        ModelsNotSharedError: they would find no models.
        OpenBindError, PortTakenError, BindError: nobody can listen there.
        MissingExtraError, ClusterNotFoundError: there is no cluster.
        NoRoomError, ReplicaFailedError: none came up.
    """
    check_bind(wanted.host, authenticated=True)
    standing = Standing(wanted.home, wanted.group)
    with ExitStack() as ends:
        ends.callback(standing.hold().release)
        fronts = [_front(wanted, wanted.port, field="serve_port", ends=ends)]
        if wanted.grpc_port is not None:
            fronts.append(_front(wanted, wanted.grpc_port, field="grpc_port", ends=ends))
        order = order_of(wanted, port=fronts[0].port, environment=around.environment)
        who = RandomIds().create(f"{socket.gethostname()} pid {os.getpid()}")
        cluster = around.open(wanted.cluster, wanted.group, keeper=who)
        ends.callback(cluster.close)
        standing.begin(wanted.bounds.first)
        ends.callback(standing.forget)
        for front in fronts:
            front.start()
        keeper = _keeper(wanted, around, cluster=cluster, order=order, fronts=fronts)
        keeper.run(around.stop, start_seconds=around.start_seconds)
        if not wanted.stay:
            keeper.end()


def _keeper(wanted: Wanted, around: Around, *, cluster: Cluster, order: Order, fronts: Sequence[Front]) -> Keeper:
    standing = Standing(wanted.home, wanted.group)
    urls = [f"{wanted.host}:{front.port}" for front in fronts]
    around.say(f"replicas {wanted.group!r} answer at http://{urls[0]}{f', gRPC at {urls[1]}' if urls[1:] else ''}")

    def count() -> int:
        return standing.find_count() or wanted.bounds.first

    def table(seen: Table) -> None:
        up = [one for one in seen.values() if one.state is State.UP] or [one for one in seen.values() if one.state is State.AWAY]
        fronts[0].set(addresses([one.address for one in up]))
        for front in fronts[1:]:
            front.set(addresses([one.grpc for one in up]))
        facts = {"cluster": wanted.cluster, "address": urls[0], "wanted": count(), "least": wanted.bounds.least, "most": wanted.bounds.most}
        standing.tell(facts, seen)

    return Keeper(cluster, order, wanted=count, told=Told(table=table, say=around.say))


def order_of(wanted: Wanted, *, port: int, environment: Mapping[str, str]) -> Order:
    """What each replica is.

    Raises:
        ModelsNotSharedError: they would find no models.
        SettingError: the number of workers is none.
    """
    here = any((wanted.home / name).is_file() for name in (DATABASE, PLACES))
    if not here and not environment.get(BLOBS_URL):
        raise ModelsNotSharedError
    return Order(
        group=wanted.group, control_url=wanted.control_url, token=wanted.token, cpus=Workers.parse(wanted.workers).most,
        workers=wanted.workers, root=wanted.root, host=wanted.bind, names=tuple(_authorities(wanted, port)),
        grpc=wanted.grpc_port is not None, shared=str(wanted.home) if here else "", environment=passed_on(environment),
    )  # fmt: skip


def addresses(texts: Sequence[str]) -> list[Address]:
    """Each HOST:PORT as a place; those that are none are left out."""
    parts = [text.rpartition(":") for text in texts]
    return [(host.strip("[]"), int(port)) for host, _, port in parts if host and port.isdecimal()]


def _front(wanted: Wanted, port: int, *, field: str, ends: ExitStack) -> Front:
    front = Front(bind(wanted.host, port, field=field))
    ends.callback(front.stop)
    return front


def _authorities(wanted: Wanted, port: int) -> list[str]:
    """What a caller of the front writes as its host."""
    here = [*_LOOPBACK, socket.gethostname().lower(), *([] if wanted.host in _EVERYWHERE else [wanted.host])]
    given = [form for name in wanted.names for form in ([name] if ":" in name else [name, f"{name}:{port}"])]
    return list(dict.fromkeys([*(f"{f'[{name}]' if name.count(':') > 1 and name[0] != '[' else name}:{port}" for name in here), *given]))
