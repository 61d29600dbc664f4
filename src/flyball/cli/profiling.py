"""`flyball profile`: what the rows of a dataset are like, on a terminal or as JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyball.app.location import find_home
from flyball.cli.remote import URL
from flyball.core.canonical import canonical
from flyball.core.errors import InvalidError, UnknownNameError

if TYPE_CHECKING:
    from flyball.app.home import Home
    from flyball.client.datasets import DatasetsClient
    from flyball.data.profiling import Profiling

Json = Mapping[str, Any]
TICKS = "▁▂▃▄▅▆▇█"
LONGEST = 32
STORED_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


class VersionNameError(InvalidError):
    """Not a dataset with or without a version's number."""

    code = "version-name"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} names no version of a dataset. Write DATASET or DATASET@N, for example flights@3.")


class NotTheModelsRowsError(InvalidError):
    """A label of other rows than those that are profiled."""

    code = "not-the-models-rows"

    def __init__(self, model: str, dataset: str, *, rows: str) -> None:
        super().__init__(
            f"The model {model!r} predicts rows of {rows!r}, not of {dataset!r}. Ask for `flyball profile {rows} --label {model}`."
        )


class NotOverHttpError(InvalidError):
    """Something that needs the home itself, asked where only a control plane is named."""

    code = "not-over-http"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} needs the home itself, but {URL} names a control plane. Unset it, or name the home with --home.")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the options say."""

    dataset: str
    against: int | None
    added: bool
    label: str | None
    project: Path | None
    home: Path | None

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.dataset.partition("@")[0]

    @property
    def number(self) -> int | None:
        """The version's number, None for the latest accepted one.

        Raises:
            VersionNameError: what follows the name is no number.
        """
        name, mark, number = self.dataset.partition("@")
        if not name or (mark and not (number.isascii() and number.isdecimal() and len(number) < 10)):
            raise VersionNameError(self.dataset)
        return int(number) if mark else None


def profile(wanted: Wanted, *, as_json: bool) -> None:
    """Print the profile, or a difference, or what columns say of a label."""
    found = _remote(wanted) if wanted.home is None and os.environ.get(URL) else _local(wanted)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2, default=_plain, ensure_ascii=False) + "\n")
        return
    sys.stdout.write("\n".join(_lines(found)) + "\n")


def _remote(wanted: Wanted) -> Json:
    """What the control plane says; of one version it keeps the profile of the rows that it added."""
    from flyball.app.actor import person
    from flyball.client import Client
    from flyball.client.datasets import DatasetsClient

    if wanted.label is not None:
        raise NotOverHttpError("--label")
    if wanted.against is not None and wanted.added:
        raise NotOverHttpError("--against with --added")
    with Client.from_environment(os.environ, actor=person()) as client:
        datasets = DatasetsClient(client)
        number = _latest(datasets, wanted.name) if wanted.number is None else wanted.number
        about = {"dataset": wanted.name, "version": number}
        if wanted.against is not None:
            return {
                **about,
                "of": "content",
                "against": wanted.against,
                **datasets.get_difference(wanted.name, wanted.against, after=number),
            }
        return {**about, "of": "added rows", **datasets.get_version(wanted.name, number)["profile"]}


def _latest(datasets: DatasetsClient, name: str) -> int:
    from flyball.data.errors import VersionNotFoundError

    before: int | None = None
    known: list[int] = []
    while True:
        page = datasets.get_dataset(name, before=before)
        known += [found["number"] for found in page["versions"]]
        accepted = next((found["number"] for found in page["versions"] if found["state"] == "accepted"), None)
        if accepted is not None:
            return int(accepted)
        before = page["next"]
        if before is None:
            raise VersionNotFoundError(name, None, known=sorted(known))


def _local(wanted: Wanted) -> Json:
    number = wanted.number
    with _opened(wanted) as home:
        from flyball.data.profiling import Profiling
        from flyball.storage.clockfile import open_clock

        if not home.data.list(wanted.name):
            raise UnknownNameError("dataset with versions", wanted.name, known={version.dataset for version in home.data.list()})
        profiling = Profiling(home.data)
        chosen = home.data.get_accepted(wanted.name).number if number is None else home.data.get(wanted.name, number).number
        return _found(wanted, profiling, number=chosen, at=open_clock(home.path).now())


def _plain(value: object) -> object:
    """Times as all our JSON has them; columns stay in their order, which `canonical` of the whole would sort."""
    return json.loads(canonical(value))


@contextmanager
def _opened(wanted: Wanted) -> Iterator[Home]:
    if wanted.label is not None:
        from flyball.cli.projecting import open_project

        with open_project(wanted.project, wanted.home) as opened:
            yield opened.home
        return
    from flyball.app.home import Home
    from flyball.pipelines import InlineExecutor
    from flyball.storage.clockfile import open_clock

    place = find_home(wanted.home, Path.cwd())
    with Home.open(place, clock=open_clock(place), executor=InlineExecutor()) as home:
        yield home


def _found(wanted: Wanted, profiling: Profiling, *, number: int, at: datetime) -> Json:
    about: dict[str, Any] = {"dataset": wanted.name, "version": number, "of": "added rows" if wanted.added else "content"}
    if wanted.against is not None:
        difference = profiling.compare(wanted.name, before=wanted.against, after=number, added=wanted.added)
        return {**about, "against": wanted.against, **difference.as_json()}
    if wanted.label is not None:
        return {**about, "label": wanted.label, "associations": _associations(wanted, profiling, number=number, at=at)}
    sketcher = profiling.get_added(wanted.name, number) if wanted.added else profiling.get(wanted.name, number)
    return {**about, **sketcher.summary()}


def _associations(wanted: Wanted, profiling: Profiling, *, number: int, at: datetime) -> list[Json]:
    from flyball.cli.projecting import find_project_file
    from flyball.loop.projectfile import load_project

    project = load_project(find_project_file(wanted.project, wanted.home))
    models = {model.name: model for model in project.models}
    if wanted.label not in models:
        raise UnknownNameError("model", str(wanted.label), known=models, where=f"project {project.name!r}")
    model = models[wanted.label]
    if model.rows.name != wanted.name:
        raise NotTheModelsRowsError(model.name, wanted.name, rows=model.rows.name)
    return [asdict(found) for found in profiling.correlate(model.rows, number, label=model.label, at=at)]


def _lines(found: Json) -> Iterator[str]:
    name = f"{found['dataset']}@{found['version']}"
    rows = "the rows it added" if found["of"] == "added rows" else "its content"
    if "against" in found:
        before, after = found["rows"]
        yield f"{name} against @{found['against']}, {rows}: {after:,} rows, {before:,} before"
        yield from _table([("column", "psi", "missing", "what"), *(_differing(column) for column in found["columns"])])
    elif "associations" in found:
        yield f"{name} and the label of {found['label']}"
        yield from _table([("column", "bits", "correlation", "rows"), *(_telling(one) for one in found["associations"])])
    else:
        yield f"{name}, {rows}: {found['rows']:,} rows, {len(found['columns'])} columns"
        yield from _table([("column", "type", "missing", "distinct", "", ""), *(_described(*item) for item in found["columns"].items())])


def _described(name: str, facts: Json) -> tuple[str, ...]:
    near = "~" if "distinct" in facts.get("approximate", ()) else ""
    distinct = f"{near}{facts['distinct']:,}" if "distinct" in facts else ""
    shape = _bars(facts["histogram"]["rows"]) if facts.get("histogram") else ""
    kind = facts["type"].partition("(")[0]
    return _short(name), kind, _share(facts["nulls"], facts["rows"]), distinct, shape, _words(facts)


def _words(facts: Json) -> str:
    if "minimum" in facts:
        quantiles = facts.get("quantiles", {})
        middle = f"  median {_value(quantiles['0.5'])}" if quantiles else ""
        odd = f"  {facts['nan'] + sum(facts['infinite']):,} not finite" if "nan" in facts else ""
        return f"{_value(facts['minimum'])} … {_value(facts['maximum'])}{middle}{odd}"
    present = facts["rows"] - facts["nulls"]
    if facts.get("top"):
        return ", ".join(f"{_value(value)} {_share(rows, present)}" for value, rows in facts["top"][:4])
    lengths = facts.get("lengths")
    long = f"{lengths['minimum']:,} … {lengths['maximum']:,} characters, " if lengths else ""
    return long + ", ".join(_value(value) for value in facts.get("examples", ()))


def _differing(column: Json) -> tuple[str, ...]:
    before, after = column["nulls"]
    missing = "" if before is None or after is None else f"{before:.1%} → {after:.1%}"
    mark = "! " if column["notable"] else "  "
    psi = "" if column["psi"] is None else f"{column['psi']:.3f}"
    return mark + _short(column["column"]), psi, missing, "; ".join(_changes(column))


def _changes(column: Json) -> Iterator[str]:
    before, after = column["types"]
    if column["change"] != "same":
        words = {"added": f"is new, {after}", "gone": f"is gone, was {before}", "changed": f"was {before}, is {after}"}
        yield words[column["change"]]
    if "0.5" in column["quantiles"]:
        low, high = column["quantiles"]["0.5"]
        of = "median length" if before == "String" else "median"
        if low != high:
            yield f"{of} {_value(low)} → {_value(high)}"
    for word in ("new", "gone"):
        if number := column[f"n_{word}"]:
            more = f" and {number - 3:,} more" if number > 3 else ""
            yield f"{word}: {', '.join(_value(value) for value in column[word][:3])}{more}"


def _telling(one: Json) -> tuple[str, ...]:
    told = (
        "" if one["correlation"] is None else f"{one['correlation']:+.3f}" if one["measure"] == "pearson" else f"{one['correlation']:.3f}"
    )
    return _short(one["column"]), f"{one['information']:.4f}", told, f"{one['rows']:,}"


def _bars(rows: Sequence[int]) -> str:
    """One character for each bar; a bar with any rows is seen."""
    most = max(rows, default=0)
    return "".join(TICKS[-(-count * (len(TICKS) - 1) // most)] if count else " " for count in rows) if most else ""


def _share(part: int, whole: int) -> str:
    if not whole or not part:
        return "0%"
    share = part / whole
    return "<0.1%" if share < 0.001 else f"{share:.1%}" if share < 0.9995 or part == whole else "99.9%"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, str) and STORED_TIME.fullmatch(value):
        return value[:16].replace("T", " ")
    return _short(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))


def _short(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else "·" for letter in text)
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
