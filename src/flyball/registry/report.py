"""What a verification found: every check with its outcome, as a value that is printed or sent as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Outcome(Enum):
    """What a check came to."""

    PASSED = "passed"
    FAILED = "failed"
    ABSENT = "absent"  # there was nothing to check


class Verdict(Enum):
    """What all checks together say."""

    VERIFIED = "verified"
    UNSIGNED = "unsigned"  # nothing contradicts, but nobody has signed
    FAILED = "failed"


SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, what it came to, and what was found in words."""

    name: str
    outcome: Outcome
    found: str


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one version, in the order in which they rest on each other."""

    model: str
    number: int
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """Verified only if it is signed and no check failed."""
        if any(check.outcome is Outcome.FAILED for check in self.checks):
            return Verdict.FAILED
        signed = any(check.name == SIGNATURE and check.outcome is Outcome.PASSED for check in self.checks)
        return Verdict.VERIFIED if signed else Verdict.UNSIGNED

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAILED)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        checks = [{"name": check.name, "outcome": check.outcome.value, "found": check.found} for check in self.checks]
        return {"model": self.model, "version": self.number, "verdict": self.verdict.value, "checks": checks}
