"""Guardrails: what a canary must never do, however good it is. A breach rolls it back at once.

They are looked at whenever something was answered, so each is a test that stays valid however often one looks: all looks at one
canary together find luck guilty once in a thousand canaries. A request counts once, whatever its rows, because its rows fail together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flyball.core.duration import parse_duration
from flyball.kernels.sequential import exceedance_evidence
from flyball.releases.errors import GuardrailSpecError
from flyball.serving.volume import CHANCE, VersionVolume


@dataclass(frozen=True, slots=True)
class GuardrailSpec:
    """The canary may fail up to `error_share` of its requests, or `error_ratio` times the champion's share, whichever is more.

    Its 99th percentile of latency may be up to `latency_seconds`, or `latency_ratio` times the champion's. Nothing is said before
    `min_errors` failed requests, or of latency before both answered `min_requests`.
    """

    error_share: float = 0.01
    error_ratio: float = 3.0
    min_errors: int = 5
    latency_seconds: float = 0.05
    latency_ratio: float = 3.0
    min_requests: int = 200

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GuardrailSpec:
        """The spec that `to_json` wrote."""
        return cls(**data)


DEFAULT = GuardrailSpec()


def guardrails(errors: float = 0.01, latency: str = "50ms", *, ratio: float = 3.0) -> GuardrailSpec:
    """Roll a canary back that surely fails more than `errors` of its requests and more than `ratio` times the champion's share.

    Likewise where its 99th percentile of latency is surely beyond `latency` and `ratio` times the champion's.

    >>> guardrails(errors=0.02, latency="1s").latency_seconds
    1.0

    Raises:
        GuardrailSpecError: `errors` is not above 0 and below 1, `latency` is zero, or `ratio` is below 1.
        DurationError: `latency` is not a duration.
    """
    length = parse_duration(latency).total_seconds()
    if not 0 < errors < 1:
        raise GuardrailSpecError(f"errors must be a share above 0 and below 1, not {errors}")
    if not length:
        raise GuardrailSpecError("latency must be longer than zero")
    if not 1 <= ratio < float("inf"):
        raise GuardrailSpecError(f"ratio must be at least 1, not {ratio}")
    return GuardrailSpec(error_share=errors, error_ratio=ratio, latency_seconds=length, latency_ratio=ratio)


def check(canary: VersionVolume | None, champion: VersionVolume | None, *, spec: GuardrailSpec = DEFAULT) -> tuple[str, ...]:
    """The breached guardrails, one sentence each, of what both answered in the same time; pure.

    None means that it answered nothing. A garbage answer is an error of its version, and counts as one.
    """
    if canary is None:
        return ()
    return tuple(found for found in (_errors(canary, champion, spec=spec), _latency(canary, champion, spec=spec)) if found)


def _errors(canary: VersionVolume, champion: VersionVolume | None, *, spec: GuardrailSpec) -> str | None:
    failed, of = canary.failed_requests, canary.requests
    if failed < spec.min_errors or exceedance_evidence(failed, of, limit=spec.error_share) * CHANCE < 1:
        return None
    found = f"Version {canary.version} failed {failed:,} of {of:,} requests ({failed / of:.1%})"
    if champion is None or not champion.requests:
        return f"{found}; at most {spec.error_share:.1%} may."
    # If the canary failed `ratio` times as often as the champion, each failure were the canary's with this probability, whatever the
    # share is: a test that needs no guess of it, and asks more where little is known of the champion.
    weight = spec.error_ratio * of
    both = failed + champion.failed_requests
    if exceedance_evidence(failed, both, limit=weight / (weight + champion.requests)) * CHANCE < 1:
        return None
    other = f"the champion {champion.failed_requests:,} of {champion.requests:,} ({champion.failed_requests / champion.requests:.1%})"
    return f"{found}, {other}; at most {spec.error_share:.1%} or {spec.error_ratio:g} times the champion's share may."


def _latency(canary: VersionVolume, champion: VersionVolume | None, *, spec: GuardrailSpec) -> str | None:
    surely = canary.p99_at_least_seconds
    if champion is None or champion.p99_seconds is None or surely is None:
        return None
    if min(canary.requests, champion.requests) < spec.min_requests:
        return None
    limit = max(spec.latency_seconds, spec.latency_ratio * champion.p99_seconds)
    if surely <= limit:
        return None
    return (
        f"Version {canary.version} needs at least {surely * 1000:,.0f} ms for one request in a hundred, the champion "
        f"{champion.p99_seconds * 1000:,.0f} ms; up to {limit * 1000:,.0f} ms is allowed."
    )
