"""The commands about contracts, held versions and quarantined rows, as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli.exits import told

DatasetArgument = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset of the project.")]
VersionArgument = Annotated[str, typer.Argument(metavar="DATASET@VERSION", help="A held version, for example flights@3.")]
RowsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ROW]...", help="Rows by their ids, as `quarantine list` prints them.")]
OfVersion = Annotated[int | None, typer.Option("--version", min=1, metavar="N", help="Of this version only.")]
StateOption = Annotated[str | None, typer.Option("--state", help="waiting, repaired or readmitted. Default: any.")]
WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, in your words; it stands in the events.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", envvar="FLYBALL_PROJECT", metavar="FILE.py", help="The project. Default: the only one in this directory."),
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: .flyball beside the project file.")
]

contract = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What rows of a dataset promise: a file of yours.")
quarantine = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Rows that broke their contract: look, repair, take.")


@contract.command("infer")
def infer_contract(
    dataset: DatasetArgument,
    *,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="COLUMN", help="Only this column; repeat for several.")] = None,
    write: Annotated[bool, typer.Option("--write", "--yes", "-y", help="Write the changes without asking.")] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Write contracts/DATASET.yaml beside the project file, from the rows in the source.

    Where there is one, its changes are shown, and written when you say so; your comments and checks stay.
    """
    with told():
        from flyball.cli import contracting

        contracting.infer(dataset, project=project, home=home, only=tuple(only or ()), write=write)


@contract.command("show")
def show_contract(
    dataset: DatasetArgument, *, version: OfVersion = None, json: JsonFlag = False, project: ProjectOption = None, home: HomeOption = None
) -> None:
    """Print the contract that judges the next rows, or the one that judged a version."""
    with told():
        from flyball.cli import contracting

        contracting.show(dataset, version=version, project=project, home=home, as_json=json)


@contract.command("diff")
def diff_contract(dataset: DatasetArgument, *, version: OfVersion = None, project: ProjectOption = None, home: HomeOption = None) -> None:
    """Print what differs between the contract that judged the latest version and the file now."""
    with told():
        from flyball.cli import contracting

        contracting.diff(dataset, version=version, project=project, home=home)


@contract.command("check")
def check_contract(
    dataset: DatasetArgument,
    *,
    file: Annotated[Path | None, typer.Option("--in", metavar="FILE", help="This contract instead of the dataset's own.")] = None,
    version: OfVersion = None,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Try a contract on the rows that are stored, before it judges new ones; nothing is changed."""
    with told():
        from flyball.cli import contracting

        contracting.check(dataset, file=file, version=version, project=project, home=home)


def held(
    version: Annotated[str | None, typer.Argument(metavar="[DATASET@VERSION]", help="The evidence on it. Default: list them.")] = None,
    *,
    json: JsonFlag = False,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """List the dataset versions that wait for you, or print the evidence on one."""
    with told():
        from flyball.cli import holding
        from flyball.cli.datadoor import Where

        where = Where(project, home)
        if version is None:
            holding.held(where, as_json=json)
        else:
            holding.evidence(version, where, as_json=json)


def release(version: VersionArgument, *, why: WhyOption = "", project: ProjectOption = None, home: HomeOption = None) -> None:
    """Take a held dataset version as it is."""
    with told():
        from flyball.cli import holding
        from flyball.cli.datadoor import Where

        holding.release(version, Where(project, home), why=why)


def reject(version: VersionArgument, *, why: WhyOption = "", project: ProjectOption = None, home: HomeOption = None) -> None:
    """Never take a held dataset version."""
    with told():
        from flyball.cli import holding
        from flyball.cli.datadoor import Where

        holding.reject(version, Where(project, home), why=why)


@quarantine.command("list")
def list_quarantine(
    dataset: DatasetArgument,
    *,
    version: OfVersion = None,
    state: StateOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    json: JsonFlag = False,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """List rows that were set aside, newest version first."""
    with told():
        from flyball.cli import quarantining
        from flyball.cli.datadoor import Where

        quarantining.list_rows(quarantining.Chosen(dataset, version, state), Where(project, home), limit=limit, as_json=json)


@quarantine.command("show")
def show_quarantined(
    dataset: DatasetArgument,
    row: Annotated[str, typer.Argument(metavar="ROW", help="Its id, as `quarantine list` prints it.")],
    *,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Show one row whole."""
    with told():
        from flyball.cli import quarantining
        from flyball.cli.datadoor import Where

        quarantining.show(dataset, row, where=Where(project, home))


@quarantine.command("export")
def export_quarantine(
    dataset: DatasetArgument,
    *,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.csv", help="Default: the output.")] = None,
    version: OfVersion = None,
    state: StateOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Write rows as CSV, to be repaired in a spreadsheet; nothing in it is run as a formula."""
    with told():
        from flyball.cli import quarantining
        from flyball.cli.datadoor import Where

        quarantining.export(quarantining.Chosen(dataset, version, state), Where(project, home), out=out)


@quarantine.command("repair")
def repair_quarantine(
    dataset: DatasetArgument,
    rows: RowsArgument = None,
    *,
    cells: Annotated[list[str] | None, typer.Option("--set", metavar="COLUMN=VALUE", help="A cell; repeat for several.")] = None,
    file: Annotated[Path | None, typer.Option("--from", metavar="FILE.csv", help="An export whose cells you changed.")] = None,
    why: WhyOption = "",
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Give rows other cells; they stay in quarantine until they are re-admitted."""
    with told():
        from flyball.cli import quarantining
        from flyball.cli.datadoor import Where

        quarantining.repair(dataset, rows or (), where=Where(project, home), cells=cells or (), file=file, why=why)


@quarantine.command("readmit")
def readmit_quarantine(
    dataset: DatasetArgument,
    rows: RowsArgument = None,
    *,
    version: OfVersion = None,
    as_declared: Annotated[
        bool, typer.Option("--as-declared", help="They are known as the dataset declares, not from now on: for history alone.")
    ] = False,
    why: WhyOption = "",
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Take rows that the contract takes by now, each once. Default: all that wait."""
    with told():
        from flyball.cli import quarantining
        from flyball.cli.datadoor import Where

        chosen = quarantining.Chosen(dataset, version)
        quarantining.readmit(chosen, rows or (), where=Where(project, home), as_declared=as_declared, why=why)


def erase(
    dataset: DatasetArgument,
    *,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="VALUE", help="A key; of several columns as one CSV line. Repeat for several.")
    ] = None,
    keys: Annotated[Path | None, typer.Option("--keys", metavar="FILE.csv", help="Keys in a CSV file with the key's columns.")] = None,
    why: WhyOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    allow: Annotated[bool, typer.Option("--allow", help="Take rows of keys again that were erased.")] = False,
    certificates: Annotated[bool, typer.Option("--list", help="Print the certificates of what was erased.")] = False,
    json: JsonFlag = False,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Erase the rows of keys from everything that the home keeps, for good, and refuse them from then on.

    Nobody else may run the home meanwhile. Interrupted, it ends when it is run again.
    """
    with told():
        from flyball.cli import erasing
        from flyball.cli.datadoor import Where

        wanted, where = erasing.Wanted(dataset, tuple(key or ()), keys), Where(project, home)
        if certificates:
            erasing.certificates(dataset, where)
        elif allow:
            erasing.allow(wanted, where)
        elif dry_run:
            erasing.look(wanted, where, as_json=json)
        else:
            erasing.erase(wanted, where, why=why, sure=yes, as_json=json)
