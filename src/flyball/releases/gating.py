"""Putting a candidate to the gates: evidence, verdict and the version's new state are one transaction."""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.ids import EventId
from flyball.registry.evidence import Evidence
from flyball.registry.model import VersionState
from flyball.registry.service import RegistryService, version_subject
from flyball.releases.gates import GateReport, GateSpec, evaluate
from flyball.storage.recorder import Recorder
from flyball.storage.transactions import Transactions


class GatingService:
    """Decides by evidence alone whether a candidate may be released. As thread-safe as the recorder it was given."""

    def __init__(self, registry: RegistryService, *, transactions: Transactions, recorder: Recorder) -> None:
        self._registry, self._transactions, self._recorder = registry, transactions, recorder

    def decide(self, model: str, number: int, *, gates: Iterable[GateSpec], evidence: Evidence, cause: EventId | None = None) -> GateReport:
        """Attach the evidence, ask the gates, and validate or reject the version.

        Records `evidence.attached`, `gates.evaluated` (caused by it) and `version.validated` or `version.rejected` (caused by that).

        Raises:
            VersionNotFoundError: there is no such version.
            IllegalVersionMoveError: it is no candidate; nothing is changed or recorded.
        """
        with self._transactions.write():
            attached = self._registry.attach(model, number, evidence=evidence, cause=cause)
            report = evaluate(gates, evidence)
            facts = {"version": number, **report.to_json()}
            asked = self._recorder.record("gates.evaluated", version_subject(model, number), data=facts, cause=attached.id)
            state = VersionState.VALIDATED if report.passed else VersionState.REJECTED
            self._registry.move(model, number, state=state, why=report.why, cause=asked.id)
        return report
