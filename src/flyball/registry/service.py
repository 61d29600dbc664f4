"""The registry's use cases: register, attach evidence, move, look up. Each change and its event are one transaction."""

from __future__ import annotations

import dataclasses

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.lineage import LineageStore
from flyball.registry.descent import edges_of
from flyball.registry.errors import EvidenceNotFoundError, IllegalVersionMoveError, VersionNotFoundError
from flyball.registry.evidence import Evidence
from flyball.registry.model import LEGAL_MOVES, ModelVersion, Registration, VersionState
from flyball.registry.registered import CHALLENGER, CHAMPION
from flyball.registry.store import RegistryStore
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions

_EVENTS = {
    (VersionState.CANDIDATE, VersionState.VALIDATED): "version.validated",
    (VersionState.CANDIDATE, VersionState.REJECTED): "version.rejected",
    (VersionState.VALIDATED, VersionState.RETIRED): "version.retired",
    # Not "validated" again: that word tells the loop that a new version passed its gates.
    (VersionState.RETIRED, VersionState.VALIDATED): "version.restored",
}


def version_subject(model: str, number: int) -> str:
    """The subject of a version's events."""
    return f"model/{model}/version/{number}"


class RegistryService:
    """The one way to change what the loop makes of the registry. As thread-safe as the recorder it was given."""

    def __init__(
        self, store: RegistryStore, *, transactions: Transactions, recorder: Recorder, lineage: LineageStore | None = None
    ) -> None:
        """`lineage` is told where the versions that are registered came from."""
        self._store, self._transactions, self._recorder, self._lineage = store, transactions, recorder, lineage

    def register(self, registration: Registration, *, cause: EventId | None = None) -> ModelVersion:
        """Make the next version of the model, a candidate; `version.registered`.

        Idempotent: the same blob from the same run is the version that it already is, without a second event.
        """
        model = registration.model
        with self._transactions.write():
            known = self._store.find_registered(model, digest=registration.digest, run=registration.run)
            if known is not None:
                return known
            number = self._store.next_number(model)
            facts = {"version": number, "run": registration.run, "digest": registration.digest}
            event = self._recorder.record("version.registered", version_subject(model, number), data=facts, cause=cause)
            fields = {item.name: getattr(registration, item.name) for item in dataclasses.fields(Registration)}
            version = ModelVersion(**fields, number=number, created=event.time, cause=cause)
            self._store.create(version)
            if self._lineage is not None:
                self._lineage.create(*edges_of(version))
        return version

    def attach(self, model: str, number: int, *, evidence: Evidence, cause: EventId | None = None) -> Event:
        """Keep the evidence of a version; `evidence.attached`.

        Raises:
            VersionNotFoundError: there is no such version.
        """
        with self._transactions.write():
            self._store.set_evidence(model, number, evidence=evidence)
            overall = evidence.overall
            facts = {
                "version": number,
                "metric": evidence.metric,
                "value": overall.value if overall else None,
                "rows": evidence.rows,
                "start": evidence.start,
                "end": evidence.end,
            }
            return self._recorder.record("evidence.attached", version_subject(model, number), data=facts, cause=cause)

    def move(self, model: str, number: int, *, state: VersionState, why: str = "", cause: EventId | None = None) -> ModelVersion:
        """Put a version into `state`; `version.validated`, `.rejected`, `.retired` or `.restored`.

        Raises:
            VersionNotFoundError: there is no such version.
            IllegalVersionMoveError: that state cannot follow, or another moved it first; nothing is changed or recorded.
        """
        with self._transactions.write():
            version = self.get(model, number)
            moved = version.moved(state)
            if not self._store.set_state(model, number, state=state, expected=version.state):
                found = self.get(model, number).state
                legal = [move.value for move in LEGAL_MOVES[found]]
                raise IllegalVersionMoveError(model, number, state=found.value, asked=state.value, legal=legal)
            facts = {"version": number, "run": version.run, **({"why": why} if why else {})}
            self._recorder.record(_EVENTS[version.state, state], version_subject(model, number), data=facts, cause=cause)
        return moved

    def project(self, model: str, *, managed_by: str, champion: int | None, challenger: int | None) -> None:
        """Say by aliases what is deployed, at ``environment/endpoint``; from then on nobody else moves them.

        Joins the transaction of the release, whose event tells of it.
        """
        named = {CHAMPION: champion, CHALLENGER: challenger}
        aliases = {alias: number for alias, number in named.items() if number is not None}
        self._store.set_deployed(model, managed_by=managed_by, aliases=aliases)

    def get(self, model: str, number: int) -> ModelVersion:
        """The version.

        Raises:
            VersionNotFoundError: there is none; those there are are named.
        """
        version = self._store.find(model, number)
        if version is None:
            raise VersionNotFoundError(model, number, versions=[found.number for found in self._store.list(model)])
        return version

    def find(self, model: str, number: int) -> ModelVersion | None:
        """The version, or None."""
        return self._store.find(model, number)

    def list(self, model: str | None = None) -> list[ModelVersion]:
        """All versions, of one model or of all, ordered by (model, number)."""
        return self._store.list(model)

    def get_evidence(self, model: str, number: int) -> Evidence:
        """The evidence of a version.

        Raises:
            VersionNotFoundError: there is no such version.
            EvidenceNotFoundError: it has not been evaluated.
        """
        self.get(model, number)
        evidence = self._store.find_evidence(model, number)
        if evidence is None:
            raise EvidenceNotFoundError(model, number)
        return evidence

    def find_evidence(self, model: str, number: int) -> Evidence | None:
        """The evidence of a version, or None."""
        return self._store.find_evidence(model, number)
