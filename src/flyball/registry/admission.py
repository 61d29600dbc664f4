"""Admission: a version is looked at before it is loaded or given away, by its rows and its signature alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flyball.core.canonical import canonical
from flyball.registry.history import History
from flyball.registry.keyerrors import VersionTamperedError
from flyball.registry.modelstore import ModelStore
from flyball.registry.refusals import RegisteredVersionNotFoundError
from flyball.registry.registered import RegisteredVersion, Seal, VersionFile
from flyball.registry.sealing import Sealer
from flyball.registry.signing import SealState
from flyball.registry.statement import version_facts
from flyball.storage.events import EventLog


@dataclass(frozen=True)
class Admission:
    """Tells whether a version is what was signed; its files' contents are not read, they are known by digest. Thread-safe."""

    models: ModelStore
    log: EventLog
    sealer: Sealer | None = None

    def check(self, version: RegisteredVersion) -> SealState:
        """Whether the version's rows are what was signed.

        Raises:
            KeyDamagedError: a key is not what its name says.
        """
        state = self.seal_state(version.seal)
        if state is not SealState.SIGNED or version.seal is None:
            return state
        files = self.models.list_files(version.name, version.number)
        return SealState.BROKEN if self.differing(version, version.seal, files=files) else state

    def admit(self, version: RegisteredVersion) -> SealState:
        """The same; what is broken or foreign goes no further. Where nothing is signed, everything is admitted.

        Raises:
            VersionTamperedError: it is.
        """
        state = self.check(version)
        if self.sealer is not None and state in {SealState.BROKEN, SealState.FOREIGN}:
            raise VersionTamperedError(version.name, version.number, state=state.value)
        return state

    def admit_named(self, name: str, number: int) -> SealState:
        """As `admit`, of the version that has this name and number now.

        Raises:
            VersionTamperedError: it is not what was signed, or what is stored of it is damaged.
            RegisteredVersionNotFoundError: there is none.
        """
        version = self.models.find_version(name, number)
        if version is None:
            raise RegisteredVersionNotFoundError(name, number)
        return self.admit(version)

    def seal_state(self, seal: Seal | None) -> SealState:
        """What the signature comes to."""
        if self.sealer is None:
            return SealState.UNSIGNED if seal is None else SealState.FOREIGN
        return self.sealer.keyring.check(seal)

    def differing(self, version: RegisteredVersion, seal: Seal, *, files: Sequence[VersionFile]) -> list[str]:
        """The names of the facts that are not as they were stated."""
        said = _read(seal.statement)
        if said is None:
            return ["the statement itself"]
        digests = self.sealer.find_digests(version.made.data_versions) if self.sealer else {}
        facts = version_facts(version.made, version.origin, files=files, model_id=version.model_id, datasets=digests)
        now = {**json.loads(canonical(facts)), "key": seal.key}
        now["model"] = said.get("model") if self._was_renamed(version, said.get("model")) else now["model"]
        differing = [name for name in sorted({*now, *said}) if now.get(name) != said.get(name) or (name in now) is not (name in said)]
        # Equal facts in another text, say with one space more, are no statement that was ever made.
        return differing or ([] if canonical(now) == seal.statement else ["the statement itself"])

    def _was_renamed(self, version: RegisteredVersion, name: object) -> bool:
        return name != version.name and name in History.read(self.log, version).names


def _read(statement: str) -> dict[str, object] | None:
    try:
        said = json.loads(statement)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
