"""`flyball score`: all rows of a file or dataset, scored by what an endpoint serves, into a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told


def score(
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint whose version scores.")],
    source: Annotated[
        str, typer.Option("--in", metavar="FILE|DATASET", help="A .parquet, .csv, .ndjson or .arrow file, or the name of a dataset.")
    ],
    table: Annotated[str, typer.Option("--out", metavar="TABLE", help="The table that the rows go to, with their scores.")],
    version: Annotated[int | None, typer.Option(min=1, help="The version that scores.", show_default="the champion")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many processes score.")] = 1,
    where: Annotated[
        str, typer.Option("--on", metavar="processes|ray|ADDRESS", help="processes; ray, started here; or the address of a Ray cluster.")
    ] = "processes",
    home: Annotated[
        Path | None, typer.Option("--home", help="The home. Default: the .flyball here, above or below.", envvar="FLYBALL_HOME")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002  Typer's way
) -> None:
    """Score all rows of a file or dataset, each once; interrupted, the same command goes on."""
    with told():
        from flyball.app.location import find_home
        from flyball.app.scoring.opening import Wanted, begin, executor_of, run
        from flyball.storage.clockfile import open_clock

        place = find_home(home, Path.cwd())
        wanted = Wanted(endpoint=endpoint, source=source, table=table, version=version, workers=workers)
        job = begin(place, wanted, clock=open_clock(place))
        found = run(place, job, executor=executor_of(where, workers=job.workers))
        facts = {"scoring": found.job.name, "version": found.job.version, "table": table, "rows": found.rows, "errors": found.errors}
        failed = f", {found.errors:,} of them with an error instead" if found.errors else ""
        rows, are = ("row", "is") if found.rows == 1 else ("rows", "are")
        said = f"{found.rows:,} {rows}, scored by version {found.job.version}, {are} in {table}{failed}."
        typer.echo(json.dumps(facts) if as_json else said)
