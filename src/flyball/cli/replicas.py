"""The commands of `flyball replicas`: what they are called and what they take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Answer on the nodes of a Ray cluster, at one address.")

_Home = Annotated[
    Path | None, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: the .flyball here, above or below.")
]
_Name = Annotated[str, typer.Option("--name", metavar="NAME", help="What this group of replicas is called.")]


@group.command()
def run(
    *,
    replicas: Annotated[
        str, typer.Option("--replicas", metavar="N|MIN-MAX", help="How many at first, and between how many `set` may change it.")
    ] = "1",
    on_ray: Annotated[str, typer.Option("--on-ray", metavar="ADDRESS", help="The cluster: HOST:PORT, ray://HOST:PORT, or auto.")] = "auto",
    control: Annotated[
        str | None, typer.Option("--control", metavar="URL", envvar="FLYBALL_URL", help="The control plane. Default: that of the home.")
    ] = None,
    name: _Name = "main",
    host: Annotated[str, typer.Option("--host", envvar="FLYBALL_HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", envvar="FLYBALL_SERVE_PORT", help="The port to listen on; 0 is any free one.")] = 8501,
    grpc_port: Annotated[
        int | None, typer.Option("--grpc-port", metavar="PORT", envvar="FLYBALL_GRPC_PORT", help="Answer gRPC at this port, too.")
    ] = None,
    known_as: Annotated[
        list[str] | None, typer.Option("--known-as", metavar="HOST[:PORT]", help="How callers write the address: a balancer's name.")
    ] = None,
    workers: Annotated[
        str, typer.Option("--workers", metavar="N|MIN-MAX", envvar="FLYBALL_WORKERS", help="Processes of each replica; a processor each.")
    ] = "1",
    node_dir: Annotated[
        str, typer.Option("--node-dir", metavar="DIR", help="Where replicas keep their homes on a node. Default: ~/.flyball/replicas.")
    ] = "",
    bind: Annotated[str, typer.Option("--bind", metavar="HOST", help="Where replicas listen. Default: the address of their node.")] = "",
    stay: Annotated[bool, typer.Option("--stay", help="Leave them running when this ends; the next run takes them over.")] = False,
    home: _Home = None,
) -> None:
    """Keep replicas of the model server on a cluster, and forward what is asked here to them, until Ctrl-C."""
    with told():
        from flyball.app.replicas.order import Bounds, checked_name
        from flyball.cli import replicating

        wanted = replicating.Asked(
            group=checked_name(name), bounds=Bounds.parse(replicas), cluster=on_ray, control=control, home=home, host=host, port=port,
            grpc_port=grpc_port, names=tuple(known_as or ()), workers=workers, node_dir=node_dir, bind=bind, stay=stay,
        )  # fmt: skip
        replicating.run(wanted)


@group.command("set")
def set_count(
    count: Annotated[int, typer.Argument(metavar="N", help="How many replicas there should be.")],
    *,
    name: _Name = "main",
    home: _Home = None,
) -> None:
    """Change how many there are; those that go answer what they owe."""
    with told():
        from flyball.cli import replicating

        replicating.set_count(count, group=name, home=home)


@group.command("ls")
def list_replicas(
    *, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False, home: _Home = None
) -> None:  # fmt: skip
    """List the replicas that are kept from here, and their addresses."""
    with told():
        from flyball.cli import replicating

        replicating.show(as_json=json, home=home)
