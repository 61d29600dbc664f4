"""Provenance: fingerprints of code, definitions and environments."""

from flyball.provenance.codeversion import code_version
from flyball.provenance.environment import Environment, environment
from flyball.provenance.errors import ModuleSourceError, OpaqueValueError
from flyball.provenance.expressions import fingerprint_expression
from flyball.provenance.function import fingerprint_function
from flyball.provenance.modules import fingerprint_module

__all__ = [
    "Environment",
    "ModuleSourceError",
    "OpaqueValueError",
    "code_version",
    "environment",
    "fingerprint_expression",
    "fingerprint_function",
    "fingerprint_module",
]
