"""Gates, deployments and rollouts: who may answer, for which share, and when it goes back."""

from flyball.releases.deployments import Deployment, Role, routing
from flyball.releases.gates import (
    AtLeast,
    AtMost,
    BeatsChampion,
    GateReport,
    GateResult,
    GateSpec,
    MaxSliceGap,
    at_least,
    at_most,
    beats_champion,
    evaluate,
    max_slice_gap,
)
from flyball.releases.gating import GatingService
from flyball.releases.guardrails import GuardrailSpec, guardrails
from flyball.releases.guardrails import check as check_guardrails
from flyball.releases.rollout import CanarySpec, Rollout, RolloutState, StageEvidence, Verdict, begin, canary, judge
from flyball.releases.service import ReleaseService, rollout_subject
from flyball.releases.sharing import bandit, segments, weights
from flyball.releases.stages import compare_stage
from flyball.releases.steering import SteeringService
from flyball.releases.store import ReleaseStore

__all__ = [
    "AtLeast",
    "AtMost",
    "BeatsChampion",
    "CanarySpec",
    "Deployment",
    "GateReport",
    "GateResult",
    "GateSpec",
    "GatingService",
    "GuardrailSpec",
    "MaxSliceGap",
    "ReleaseService",
    "ReleaseStore",
    "Role",
    "Rollout",
    "RolloutState",
    "StageEvidence",
    "SteeringService",
    "Verdict",
    "at_least",
    "at_most",
    "bandit",
    "beats_champion",
    "begin",
    "canary",
    "check_guardrails",
    "compare_stage",
    "evaluate",
    "guardrails",
    "judge",
    "max_slice_gap",
    "rollout_subject",
    "routing",
    "segments",
    "weights",
]
