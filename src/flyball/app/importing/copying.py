"""Copying a source into a home: whole runs at once, files after them, and a note of what is done, so that it can be interrupted anywhere.

Ids of runs and logged models stay what they were; an experiment keeps its name and takes the number that is free here. What stands here
already under the same id is left as it is, so that the same import twice changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import quote

from flyball.app.importing.source import FoundModel, FoundVersion, Source, SourceError
from flyball.core.canonical import digest_bytes
from flyball.storage.errors import os_errors
from flyball.tracking.experiment import Experiment, Lifecycle
from flyball.tracking.loggedmodel import LoggedModel
from flyball.tracking.trackedrun import Metric, TrackedRun

Kind = Literal["run", "model"]
NOTES = "imports"
SHOWN_PROBLEMS = 20


@dataclass
class Counts:
    """How much of each kind; in the source, or here."""

    experiments: int = 0
    runs: int = 0
    points: int = 0
    params: int = 0
    tags: int = 0
    logged_models: int = 0
    registered_models: int = 0
    versions: int = 0
    files: int = 0
    file_bytes: int = 0

    def rows(self) -> list[tuple[str, int]]:
        """(name, count) of each."""
        return [(each.name.replace("_", " "), getattr(self, each.name)) for each in fields(self)]


class Target(Protocol):
    """Where things are copied to; each method is one transaction, and the same call again changes nothing."""

    def put_experiment(self, found: Experiment) -> str:
        """The id here of the experiment of that name, made with its tags when there is none."""
        ...

    def settle_experiment(self, here: str, lifecycle: Lifecycle) -> None:
        """It is deleted where it was; asked when all of it has come. So with the two others."""
        ...

    def put_run(self, found: TrackedRun, experiment: str, *, history: Iterable[Metric]) -> None:
        """The run with all its points is here."""
        ...

    def settle_run(self, run: str, lifecycle: Lifecycle) -> None: ...

    def put_logged_model(self, found: LoggedModel, experiment: str) -> None:
        """The logged model is here."""
        ...

    def settle_logged_model(self, model: str, lifecycle: Lifecycle) -> None: ...

    def put_model(self, found: FoundModel) -> None:
        """The registered model is here, without its versions."""
        ...

    def put_version(self, model: str, found: FoundVersion, *, source: Source) -> bool:
        """The version is here under its number, with its files; False where that number is another version's."""
        ...

    def count(self, here: Sequence[str], models: Sequence[str]) -> Counts:
        """What the experiments of these ids and the registered models of these names hold."""
        ...

    def put_aliases(self, found: FoundModel) -> None:
        """The model's aliases point where they did, as far as those versions are here."""
        ...

    def put_file(self, kind: Kind, experiment: str, *, owner: str, path: str, pieces: Iterable[bytes]) -> int:
        """The file is among the artifacts of that run or logged model; its bytes."""
        ...


class Notes:
    """What an import has finished, with three figures each, a line each in a file of the home; a torn last line is no note."""

    def __init__(self, home: Path, source: str) -> None:
        self._path = home / NOTES / f"{digest_bytes(source.encode())[:16]}.done"
        self._done: dict[str, tuple[int, int, int]] = {}
        self._file: int | None = None
        with os_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True) if self._path.exists() else []
        for line in lines:
            words = line.split()
            if line.endswith("\n") and len(words) == 4:
                self._done[words[0]] = (int(words[1]), int(words[2]), int(words[3]))

    def find(self, name: str) -> tuple[int, int, int] | None:
        """The figures that were noted with `name`, or None where it is not done."""
        return self._done.get(name)

    def add(self, name: str, figures: tuple[int, int, int]) -> None:
        """`name` is done.

        Raises:
            UnavailableError: it cannot be noted.
        """
        with os_errors(self._path):
            if self._file is None:
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.write(self._file, f"{name} {' '.join(map(str, figures))}\n".encode())
        self._done[name] = figures

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@dataclass
class Import:
    """One import. `say` gets a line for a person now and then; `problems` are files that the source names and does not give out."""

    source: Source
    target: Target
    notes: Notes
    say: Callable[[str], None]
    found: Counts = field(default_factory=Counts)
    problems: list[str] = field(default_factory=list)
    here: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)

    def run(self) -> Counts:
        """Copy all that is not noted yet; what the source has of everything.

        Raises:
            SourceError: the source ended in the middle; what was copied stays.
            UnavailableError: the home cannot be written.
        """
        for experiment in self.source.experiments():
            self.found.experiments += 1
            here = self.target.put_experiment(experiment)
            self.here.append(here)
            for model in self.source.logged_models(experiment.id):
                self._logged_model(model, here)
            for run in self.source.runs(experiment.id):
                self._run(run, here)
            self.target.settle_experiment(here, experiment.lifecycle)
            self.say(f"experiment {experiment.name!r}: {self.found.runs:,} runs and {self.found.points:,} points so far")
        for registered in self.source.registered():
            self._registered(registered)
        return self.found

    def count_here(self) -> Counts:
        """What stands here now of what the source has; there may be more than that has."""
        return self.target.count(self.here, self.models)

    def _run(self, run: TrackedRun, experiment: str) -> None:
        self.found.runs += 1
        self.found.params += len(run.params)
        self.found.tags += len(run.tags)
        name = f"run/{run.head.id}"
        done = self.notes.find(name)
        if done is None:
            before = self.found.points
            points = (self._counted(point) for metric in run.metrics for point in self.source.history(run.head.id, metric.key))
            self.target.put_run(run, experiment, history=points)
            files = self._files("run", experiment, owner=run.head.id, uri=run.head.artifact_uri)
            self.target.settle_run(run.head.id, run.head.lifecycle)
            self.notes.add(name, (self.found.points - before, *files))
        else:
            self.found.points += done[0]
            self._count_files(done[1], done[2])

    def _counted(self, point: Metric) -> Metric:
        self.found.points += 1
        return point

    def _logged_model(self, model: LoggedModel, experiment: str) -> None:
        self.found.logged_models += 1
        name = f"model/{model.id}"
        done = self.notes.find(name)
        if done is None:
            self.target.put_logged_model(model, experiment)
            files = self._files("model", experiment, owner=model.id, uri=model.artifact_uri)
            self.target.settle_logged_model(model.id, model.lifecycle)
            self.notes.add(name, (0, *files))
        else:
            self._count_files(done[1], done[2])

    def _registered(self, model: FoundModel) -> None:
        self.found.registered_models += 1
        self.models.append(model.name)
        self.target.put_model(model)
        for version in model.versions:
            self.found.versions += 1
            self._version(model.name, version)
        self.target.put_aliases(model)

    def _version(self, model: str, version: FoundVersion) -> None:
        name = f"version/{quote(model, safe='')}/{version.number}"
        if self.notes.find(name) is not None:
            return
        try:
            if self.target.put_version(model, version, source=self.source):
                self.notes.add(name, (0, 0, 0))
            else:
                self._problem(f"version {version.number} of {model!r}: that number is another version's here")
        except SourceError as error:
            self._problem(f"version {version.number} of {model!r}: {error}")

    def _files(self, kind: Kind, experiment: str, *, owner: str, uri: str) -> tuple[int, int]:
        count = size = 0
        try:
            for path in self.source.files(uri):
                size += self.target.put_file(kind, experiment, owner=owner, path=path, pieces=self.source.read(uri, path))
                count += 1
        except SourceError as error:  # one owner's files that are not to be had do not end an import; they are told at its end
            self._problem(f"files of {kind} {owner}: {error}")
        self._count_files(count, size)
        return count, size

    def _count_files(self, count: int, size: int) -> None:
        self.found.files += count
        self.found.file_bytes += size

    def _problem(self, told: str) -> None:
        if len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(told)
