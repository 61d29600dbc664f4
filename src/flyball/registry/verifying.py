"""Verification of a version: from its signature down to the bytes of its files, and up to the event that it is deployed by.

The statement that was signed is made again from what is stored now. So whatever differs is found by its name: a column, a file's row, the
digest of a dataset version. What may change after the signing (state, stage, tags, aliases, description) is folded from the events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flyball.core.canonical import canonical, digest
from flyball.core.duration import EPOCH, MICROSECOND
from flyball.core.errors import FlyballError
from flyball.core.events import Event
from flyball.registry.admission import Admission
from flyball.registry.history import History
from flyball.registry.parts import RegistryParts
from flyball.registry.registered import RegisteredVersion, Seal, VersionFile
from flyball.registry.report import SIGNATURE, Check, Outcome, Report
from flyball.registry.signing import SealState
from flyball.registry.statement import evidence_facts, files_digest

_SEALS = {
    SealState.SIGNED: (Outcome.PASSED, "signed by key {key}"),
    SealState.UNSIGNED: (Outcome.ABSENT, "unsigned: it was made before versions were signed, or without a key"),
    SealState.FOREIGN: (Outcome.FAILED, "signed by key {key}, whose .public file is not among this installation's keys"),
    SealState.BROKEN: (Outcome.FAILED, "the signature is not that of the statement"),
}


@dataclass(frozen=True)
class Verifier:
    """Checks versions against what was signed, recorded and stored. It changes nothing. Thread-safe."""

    parts: RegistryParts

    @property
    def admission(self) -> Admission:
        """What is asked before anything is loaded."""
        return Admission(self.parts.models, self.parts.log, self.parts.sealer)

    def verify(self, version: RegisteredVersion) -> Report:
        """All checks, each on its own: one that fails does not hide the others."""
        files, history = self._files(version), History.read(self.parts.log, version)
        steps: list[tuple[str, Callable[[], tuple[Outcome, str]]]] = [
            (SIGNATURE, lambda: self._signature(version.seal)),
            ("statement", lambda: self._statement(version, files)),
            ("files", lambda: _manifest(version, files)),
            ("contents", lambda: self._contents(files)),
            ("run", lambda: self._run(version)),
            ("data", lambda: self._data(version)),
            ("evidence", lambda: self._evidence(version)),
            ("events", lambda: self._events(version, history)),
            ("standing", lambda: _standing(version, history)),
            ("deployment", lambda: _deployment(version, history)),
        ]
        return Report(version.name, version.number, tuple(_checked(name, step) for name, step in steps))

    def _files(self, version: RegisteredVersion) -> list[VersionFile]:
        return self.parts.models.list_files(version.name, version.number)

    def _signature(self, seal: Seal | None) -> tuple[Outcome, str]:
        outcome, text = _SEALS[self.admission.seal_state(seal)]
        return outcome, text.format(key="" if seal is None else seal.key[:16])

    def _statement(self, version: RegisteredVersion, files: list[VersionFile]) -> tuple[Outcome, str]:
        if version.seal is None:
            return Outcome.ABSENT, "nothing is stated"
        differing = self.admission.differing(version, version.seal, files=files)
        if differing:
            return Outcome.FAILED, f"what is stored differs from what was signed: {', '.join(differing)}"
        return Outcome.PASSED, "what is stored is what was signed"

    def _contents(self, files: list[VersionFile]) -> tuple[Outcome, str]:
        total = 0
        for file in files:
            size, found = self._hashed(file)
            if found != file.digest or file.size_bytes not in {None, size}:
                return Outcome.FAILED, f"the content of {file.path!r} is not that of its digest"
            total += size
        if not files:
            return Outcome.ABSENT, "the version has no files"
        return Outcome.PASSED, f"{len(files)} files with {total:,} bytes have their digests"

    def _hashed(self, file: VersionFile) -> tuple[int, str]:
        hasher, size = hashlib.sha256(), 0
        for chunk in self.parts.blobs.read(file.digest):
            hasher.update(chunk)
            size += len(chunk)
        return size, hasher.hexdigest()

    def _run(self, version: RegisteredVersion) -> tuple[Outcome, str]:
        if version.run is None:
            return Outcome.ABSENT, "no run is named"
        found = self.parts.runs.get(version.run)
        return Outcome.PASSED, f"run {found.head.id} is {found.head.status.value}"

    def _data(self, version: RegisteredVersion) -> tuple[Outcome, str]:
        wanted = version.made.data_versions
        missing = [f"{name}@{number}" for name, number in wanted.items() if self.parts.datasets.find(name, number) is None]
        if missing:
            return Outcome.FAILED, f"dataset versions are gone: {', '.join(missing)}"
        if not wanted:
            return Outcome.ABSENT, "no dataset version of this home is named"
        return Outcome.PASSED, f"{', '.join(f'{name}@{number}' for name, number in wanted.items())}"

    def _evidence(self, version: RegisteredVersion) -> tuple[Outcome, str]:
        evidence = self.parts.registry.find_evidence(version.name, version.number)
        if evidence is None:
            return Outcome.ABSENT, "it was not evaluated"
        seal = self.parts.models.find_evidence_seal(version.name, version.number)
        outcome, text = self._signature(seal)
        if seal is None or outcome is not Outcome.PASSED:
            missing = seal is None and version.seal is not None
            return (Outcome.FAILED, "the version is signed, and its evidence is not") if missing else (outcome, text)
        facts = evidence_facts(evidence, number=version.number, model_id=version.model_id)
        if canonical({**facts, "key": seal.key}) != seal.statement:
            return Outcome.FAILED, "the evidence is not what was signed"
        return Outcome.PASSED, f"evidence {digest(evidence.to_json())[:16]} is what was signed"

    def _events(self, version: RegisteredVersion, history: History) -> tuple[Outcome, str]:
        made, problem = version.made, ""
        registered = history.standing().registered
        if len(registered) != 1:
            return Outcome.FAILED, f"{len(registered)} events say that it was registered"
        facts = registered[0].data
        if (facts.get("digest"), facts.get("run"), facts.get("version")) != (made.digest, made.run, made.number):
            problem = "the event of its registration names another digest, run or number"
        elif (_made(registered[0]), registered[0].cause) != (made.created, made.cause):
            problem = "the event of its registration has another time or cause"
        rollouts = [event for event in history.rollouts if event.data.get("version") == version.number]
        events = [*history.events, *rollouts]
        lost = [event.id for event in events if event.cause is not None and self.parts.log.find(event.cause) is None]
        if lost and not problem:
            problem = f"the cause of event {lost[0]} is not in the log"
        return (Outcome.FAILED, problem) if problem else (Outcome.PASSED, f"{len(events)} events, each with its cause")


def _manifest(version: RegisteredVersion, files: list[VersionFile]) -> tuple[Outcome, str]:
    if version.made.digest not in {files_digest(files), *(file.digest for file in files[:1] if len(files) == 1)}:
        return Outcome.FAILED, "the list of its files does not have the version's digest"
    return Outcome.PASSED, f"{len(files)} files make up {version.made.digest[:16]}"


def _standing(version: RegisteredVersion, history: History) -> tuple[Outcome, str]:
    told = history.standing()
    compared = {
        "state": (told.state, version.state),
        "updated_ms": (told.updated_ms, version.updated_ms),
        "stage": (told.stage, version.stage.value),
        "description": (told.description, digest(version.description)),
        "tags": (told.tags, {key: digest(value) for key, value in version.own_tags.items()}),
        "aliases": (history.find_aliases(version.number), set(version.aliases)),
    }
    differing = [name for name, (said, found) in compared.items() if said != found]
    if differing:
        return Outcome.FAILED, f"no event led to its present {', '.join(differing)}"
    return Outcome.PASSED, f"it is {version.state.value}, as its events say"


def _deployment(version: RegisteredVersion, history: History) -> tuple[Outcome, str]:
    mine = [event for event in history.rollouts if event.data.get("version") == version.number]
    if not mine:
        return Outcome.ABSENT, "it was never released"
    return Outcome.PASSED, f"{mine[-1].type} at {mine[-1].time.isoformat(timespec='seconds')} by {mine[-1].actor}"


def _checked(name: str, step: Callable[[], tuple[Outcome, str]]) -> Check:
    try:
        outcome, found = step()
    except FlyballError as error:
        return Check(name, Outcome.FAILED, str(error))
    return Check(name, outcome, found)


def _made(registered: Event) -> datetime:
    """When the version was made: then, or elsewhere and before, where it was taken over."""
    before = registered.data.get("created_ms")
    return registered.time if before is None else EPOCH + 1000 * int(before) * MICROSECOND
