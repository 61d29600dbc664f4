"""`accept` and `reject`: a person's word on a dataset version that was held because too many of its rows broke the contract."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from flyball.app.home import Home
from flyball.app.location import find_home
from flyball.core.errors import InvalidError
from flyball.pipelines import InlineExecutor


class DatasetVersionNameError(InvalidError):
    """Not a dataset version's name."""

    code = "dataset-version-name"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} names no version of a dataset. Write NAME@NUMBER, for example 'flights@3'; `flyball ls datasets` lists them."
        )


def accept(text: str, *, home: Path | None) -> None:
    """Take the version, and say how many rows it adds."""
    name, number = _parsed(text)
    with Home.open(find_home(home, Path.cwd()), executor=InlineExecutor()) as opened:
        version = opened.data.accept(name, number, cause=None)
    Console().print(f"Version {number} of {name} is accepted with {version.added:,} new rows.", highlight=False)


def reject(text: str, *, home: Path | None) -> None:
    """Refuse the version for good."""
    name, number = _parsed(text)
    with Home.open(find_home(home, Path.cwd()), executor=InlineExecutor()) as opened:
        opened.data.reject(name, number, cause=None)
    Console().print(f"Version {number} of {name} is rejected; none of its rows are used.", highlight=False)


def _parsed(text: str) -> tuple[str, int]:
    name, at, number = text.partition("@")
    if not name or not at or not number.isdecimal():
        raise DatasetVersionNameError(text)
    return name, int(number)
