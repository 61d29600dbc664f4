"""`flyball verify`: whether a version is what was signed, down to the bytes of its files; offline, on the home alone."""

from __future__ import annotations

import json as text
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flyball.cli.exits import told
from flyball.core.errors import ConflictError, IntegrityError

if TYPE_CHECKING:
    from flyball.registry.models import Models
    from flyball.registry.report import Report


class NotVerifiedError(IntegrityError):
    """A check failed."""

    code = "not-verified"

    def __init__(self, model: str, number: int, *, failed: list[str]) -> None:
        super().__init__(
            f"Version {number} of model '{model}' is not what was made: {', '.join(failed)} failed. "
            f"Do not serve it; register the model again, or put a backup of the home in its place."
        )


class UnsignedError(ConflictError):
    """Nothing contradicts, but nobody has signed."""

    code = "unsigned"

    def __init__(self, model: str, number: int) -> None:
        super().__init__(
            f"Version {number} of model '{model}' is unsigned: it was made before versions were signed. "
            f"Register the model again to have it signed, or say --allow-unsigned."
        )


def verify(
    version: Annotated[str, typer.Argument(metavar="models:/NAME/VERSION", help="The version; NAME@ALIAS and NAME/latest will do, too.")],
    *,
    allow_unsigned: Annotated[bool, typer.Option("--allow-unsigned", help="A version that nobody has signed is no failure.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    home: Annotated[
        Path | None,
        typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: the .flyball here, above or below."),
    ] = None,
) -> None:
    """Check a version against its signature, its files, its data and its events.

    Needs no server and no network. One byte that was changed anywhere fails it.
    """
    with told():
        report = _report(version, home)
        _print(report, as_json=json)
        _judge(report, allow_unsigned=allow_unsigned)


def _report(version: str, home: Path | None) -> Report:
    from flyball.app.referring import resolve
    from flyball.serving.byhand import ModelReference

    asked = ModelReference.parse(version)
    with _opened(home) as models:
        return models.verify(asked.name, resolve(models, asked))


@contextmanager
def _opened(home: Path | None) -> Iterator[Models]:
    import os

    from flyball.app.keeping import open_keeping
    from flyball.app.location import find_home
    from flyball.app.places import Places
    from flyball.app.stores import Stores
    from flyball.core.clock import WallClock
    from flyball.core.ids import RandomIds

    place = find_home(home, Path.cwd())
    stores = Stores.at_home(place, clock=WallClock(), ids=RandomIds())
    try:
        yield open_keeping(stores, Places.of(place, os.environ).open_blobs(place)).registry
    finally:
        stores.close()


def _print(report: Report, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(text.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n")
        return
    sys.stdout.write(f"models:/{report.model}/{report.number}: {report.verdict.value}\n")
    for check in report.checks:
        sys.stdout.write(f"  {check.name:<10}  {check.outcome.value:<6}  {check.found}\n")


def _judge(report: Report, *, allow_unsigned: bool) -> None:
    from flyball.registry.report import Verdict

    match report.verdict:
        case Verdict.FAILED:
            raise NotVerifiedError(report.model, report.number, failed=[check.name for check in report.failures])
        case Verdict.UNSIGNED if not allow_unsigned:
            raise UnsignedError(report.model, report.number)
        case _:
            return
