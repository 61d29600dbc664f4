"""Sealing: a version and its evidence are signed in the transaction that makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flyball.data.store import VersionStore
from flyball.registry.evidence import Evidence
from flyball.registry.model import ModelVersion
from flyball.registry.registered import Origin, Seal, VersionFile
from flyball.registry.signing import Keyring
from flyball.registry.statement import evidence_facts, version_facts


@dataclass(frozen=True)
class Sealer:
    """Signs with the keys of an installation; `datasets` tells the digests of the dataset versions that a statement names."""

    keyring: Keyring
    datasets: VersionStore | None = None

    def seal_version(self, made: ModelVersion, origin: Origin, *, files: Sequence[VersionFile], model_id: int) -> Seal:
        """The seal of a version that is being made."""
        digests = self.find_digests(made.data_versions)
        return self.keyring.sign(version_facts(made, origin, files=files, model_id=model_id, datasets=digests))

    def seal_evidence(self, evidence: Evidence, *, number: int, model_id: int) -> Seal:
        """The seal of a version's evidence."""
        return self.keyring.sign(evidence_facts(evidence, number=number, model_id=model_id))

    def find_digests(self, data_versions: Mapping[str, int]) -> dict[str, str | None]:
        """The digests of the dataset versions by name, None for one that is not there."""
        if self.datasets is None:
            return dict.fromkeys(data_versions)
        found = {name: self.datasets.find(name, number) for name, number in data_versions.items()}
        return {name: None if version is None else version.digest for name, version in found.items()}
