"""Models and their versions: what was made from what, what is known of it, and whether it may answer."""

from flyball.registry.errors import EvidenceNotFoundError, IllegalVersionMoveError, VersionExistsError, VersionNotFoundError
from flyball.registry.evidence import Difference, Estimate, EstimateError, Evidence
from flyball.registry.model import LEGAL_MOVES, ModelVersion, Registration, VersionState
from flyball.registry.service import RegistryService, version_subject
from flyball.registry.store import RegistryStore

__all__ = [
    "LEGAL_MOVES",
    "Difference",
    "Estimate",
    "EstimateError",
    "Evidence",
    "EvidenceNotFoundError",
    "IllegalVersionMoveError",
    "ModelVersion",
    "Registration",
    "RegistryService",
    "RegistryStore",
    "VersionExistsError",
    "VersionNotFoundError",
    "VersionState",
    "version_subject",
]
