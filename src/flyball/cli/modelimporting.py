"""`flyball import model`: a file or directory becomes a version; what it was taken for, how it is asked and what that costs is told."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from flyball.app.actor import person
from flyball.app.importing.modelfile import MOST_BYTES, ModelPathTooLargeError, read_model
from flyball.app.importing.registering import Imported
from flyball.app.importing.registering import import_model as registered
from flyball.app.importing.target import Importer
from flyball.app.location import home_of_project
from flyball.cli.modelsending import Sent, send_model
from flyball.client import Client
from flyball.client.client import URL
from flyball.core.errors import NotFoundError
from flyball.runtimes.declared import Declared, parse_declared
from flyball.serving.converting import Conversion
from flyball.serving.plan import Cost
from flyball.storage.errors import os_errors

CANNOT = 1
_SHOWN, _LONGEST = 12, 400


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person says of the file; `as_json` prints what came of it for a script."""

    signature: str = ""
    run_code: bool = False
    as_json: bool = False


class SignatureFileError(NotFoundError):
    """A file that should hold a signature."""

    code = "signature-file"

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no file {path!r} to read the signature from. Name one, or write the signature itself, without the @.")


def import_model(source: str, *, name: str, wanted: Wanted, home: Path | None) -> int:
    """Import, and say what came of it; 0, or 1 where the model is kept and cannot be asked there.

    It goes to FLYBALL_URL's control plane if that is set and no home is named, else into the home.

    Raises:
        FlyballError: it is no model, its signature is none, or it carries code and is not trusted; nothing was made then.
    """
    brought = read_model(source, _declared(wanted.signature))
    told_from = Path(source).name
    found: Imported | Sent
    if home is None and os.environ.get(URL):
        with Client.from_environment(os.environ, actor=person()) as client:
            found = send_model(client, name, brought=brought, told_from=told_from, run_code=wanted.run_code)
    else:
        place = home_of_project(Path(), home)
        found = registered(place, name, brought=brought, told_from=told_from, importer=Importer(person(), wanted.run_code))
    lines = [json.dumps(_told_as_json(found), indent=1)] if wanted.as_json else _lines(found, words=brought.words, home=home)
    sys.stdout.write("\n".join(lines) + "\n")
    return CANNOT if found.conversion is not None and _is_dead(found.conversion) else 0


def _declared(text: str) -> Declared:
    if not text:
        return Declared()
    if not text.startswith("@"):
        return parse_declared(text)
    path = Path(text[1:])
    if not path.is_file():
        raise SignatureFileError(text[1:])
    if path.stat().st_size > MOST_BYTES:
        raise ModelPathTooLargeError(text, "it is no signature")
    with os_errors(path):
        return parse_declared(path.read_text(encoding="utf-8", errors="replace"))


def _told_as_json(found: Imported | Sent) -> dict[str, Any]:
    """What a script goes on with; `conversion` is null while a server still converts it."""
    conversion, takes = found.conversion, found.packed.takes
    told = None
    if conversion is not None:
        told = {
            "verdict": conversion.verdict, "form": conversion.form, "reason": conversion.reason, "warnings": list(conversion.warnings),
            "cost": msgspec.to_builtins(conversion.cost), "servable": not _is_dead(conversion),
        }  # fmt: skip
    return {
        "model": found.version.name, "version": found.version.number, "uri": f"models:/{found.version.name}/{found.version.number}",
        "takes": None if takes is None else [asdict(column) for column in takes], "conversion": told,
    }  # fmt: skip


def _lines(found: Imported | Sent, *, words: str, home: Path | None) -> list[str]:
    version = found.version
    lines = [f"models:/{version.name}/{version.number} was imported: {words}", f"  takes  {_taken(found)}"]
    if found.conversion is not None:
        lines += [f"  {line}" for line in _told(found.conversion)]
    else:
        lines.append("  is being converted by the server that runs this home")
    where = "" if home is None else f" --home {shlex.quote(str(home))}"
    return [*lines, f"serve it with: flyball serve {shlex.quote(f'models:/{version.name}/{version.number}')}{where}"]


def _taken(found: Imported | Sent) -> str:
    takes = found.packed.takes
    if takes is None:
        return "the columns that it was fitted with, or what comes"
    shown = ", ".join(f"{column.name}{'' if column.required else '?'}" for column in takes[:_SHOWN])
    return shown if len(takes) <= _SHOWN else f"{shown} and {len(takes) - _SHOWN} more"


def _told(found: Conversion) -> list[str]:
    lines = []
    likeness = found.likeness
    if found.verdict == "converted" and likeness is not None:
        lines.append(
            f"answers as {found.form}, without code: {likeness['rows']} rows compared, at most {likeness['max_abs_diff']:.1e} apart"
        )
    if found.verdict == "native":
        lines.append(f"answers as {found.form}, without code")
    if _is_dead(found):
        lines.append(f"cannot be asked here: {found.reason[:_LONGEST]}")
    elif found.verdict == "kept":
        lines.append(f"answers as it is, in a process of its own: {found.reason[:_LONGEST]}")
    lines += [f"warning: {warning}" for warning in found.warnings]
    return [*lines, *_costs(found)]


def _is_dead(found: Conversion) -> bool:
    return found.verdict == "refused" or (found.verdict == "kept" and found.cost is None and not found.attempts)


def _costs(found: Conversion) -> list[str]:
    before = f"; as it was, {_microseconds(found.original_cost)}" if found.original_cost is not None else ""
    return [] if found.cost is None else [f"costs  {_microseconds(found.cost)}{before}"]


def _microseconds(cost: Cost) -> str:
    return f"{cost.call_seconds * 1e6:,.0f} µs for a row alone, {cost.row_seconds * 1e6:,.1f} µs for each of {cost.rows}"
