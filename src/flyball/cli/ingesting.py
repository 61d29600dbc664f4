"""`flyball ingest`: one pull of a project's datasets, there where its home is run, or here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from flyball.app.actor import person
from flyball.app.location import home_of_project
from flyball.cli.projecting import OpenedProject, find_project_file, open_project
from flyball.cli.remote import URL, connect, find_running
from flyball.client import Client
from flyball.client.datasets import DatasetsClient
from flyball.core.errors import ConflictError, FlyballError

Json = dict[str, Any]
_ODD = {
    "unexpected_columns": "passed over, for the contract does not name them",
    "missing_columns": "empty, for the source does not have them",
}


class HeldDatasetError(ConflictError):
    """Versions that wait for a person; everything else was done."""

    code = "dataset-version-held"

    def __init__(self, names: Sequence[str]) -> None:
        shown = names[0]
        super().__init__(
            f"Held until a person decides: {', '.join(names)}. Look with `flyball held {shown}`; then mend the source or the "
            f"contract and ingest again, or take it as it is with `flyball release {shown}`."
        )


@dataclass(frozen=True)
class Wanted:
    """What was asked for: datasets by name, none for all, of the project in `project`, into `home`."""

    names: Sequence[str]
    project: Path | None
    home: Path | None


class Door(Protocol):
    """Where datasets are pulled."""

    def names(self) -> list[str]: ...

    def pull(self, name: str) -> Json:
        """{"dataset", "new", and what `flyball ls datasets` says of the version}."""
        ...


@dataclass(frozen=True)
class _Remote:
    client: Client

    def names(self) -> list[str]:
        return [str(found["name"]) for found in self.client.list_datasets()]

    def pull(self, name: str) -> Json:
        return DatasetsClient(self.client).pull_dataset(name)


@dataclass(frozen=True)
class _Here:
    opened: OpenedProject
    pulled: set[str] = field(default_factory=set)

    def names(self) -> list[str]:
        from flyball.data.declared.streams import PushSource

        # Rows that are pushed come by themselves: there is nothing to ask.
        return [name for name, found in self.opened.declared.items() if not isinstance(found.dataset.source, PushSource)]

    def pull(self, name: str) -> Json:
        from flyball.app.pulling import pulled
        from flyball.data.declared.streams import PushSource, RedisStreamSource
        from flyball.data.derivation.source import inputs_of

        dataset, declared = self.opened.get_dataset(name), self.opened.declared[name]
        for source in inputs_of(dataset):
            if source.name not in self.pulled and not isinstance(source.source, PushSource):
                self.pull(source.name)
        self.pulled.add(name)
        if isinstance(dataset.source, RedisStreamSource):
            from flyball.app.streams import drain_here

            drain_here(self.opened.home, declared, root=self.opened.root, environment=os.environ)
        return pulled(self.opened.home.data, declared, root=self.opened.root)


def ingest(wanted: Wanted, *, as_json: bool) -> None:
    """Pull each of the datasets and say what came; one that fails leaves the others done, and is told at the end."""
    held, failed = [], None
    with _open(wanted) as door:
        for name in wanted.names or door.names():
            try:
                found = door.pull(name)
            except FlyballError as error:
                if len(wanted.names) == 1:
                    raise
                if failed is not None:
                    sys.stderr.write(f"flyball: {error}\n")
                failed = failed or error  # the first one is told last, with its exit code
                continue
            sys.stdout.write((json.dumps(found, sort_keys=True) if as_json else _sentence(found)) + "\n")
            sys.stdout.flush()
            if found["state"] == "held":
                held.append(str(found["dataset"]))
    if failed is not None:
        raise failed
    if held:
        raise HeldDatasetError(held)


@contextmanager
def _open(wanted: Wanted) -> Iterator[Door]:
    if wanted.home is None and os.environ.get(URL):
        with Client.from_environment(os.environ, actor=person()) as client:
            yield _Remote(client)
        return
    file = find_project_file(wanted.project, wanted.home)
    place = home_of_project(file, wanted.home)
    if find_running(place) is not None:
        with connect(place) as client:
            yield _Remote(client)
        return
    with open_project(file, wanted.home) as opened:
        yield _Here(opened)


def _sentence(found: Mapping[str, Any]) -> str:
    name = found["dataset"]
    if not found["new"]:
        return f"{name}: nothing new; {found['rows']:,} rows."
    aside = f", {found['quarantined']:,} set aside" if found["quarantined"] else ""
    known = f", {found['duplicates']:,} known already" if found["duplicates"] else ""
    odd = "".join(f"\n{name}: {what}: {', '.join(found[columns])}" for columns, what in _ODD.items() if found.get(columns))
    return f"{name} is {found['state']}: {found['added']:,} rows added{aside}{known}; {found['rows']:,} rows.{odd}"
