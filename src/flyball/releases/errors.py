"""What a release refuses.

::

    InvalidError
    ├── GateSpecError, CanarySpecError, GuardrailSpecError   a declaration that can never be right
    ├── PolicyError, RewardError         rows that cannot be shared so, a reward that is none
    ConflictError
    ├── RolloutOverError                 a rollout that has ended is not judged or moved
    ├── IllegalRolloutMoveError          a stage that cannot follow
    ├── IllegalDeploymentError           roles and shares that cannot stand together
    ├── NotDeployableError               a version that may not answer
    ├── NotHeldReadyError                a version that a model server could not make ready
    ├── NoBanditError                    rewards where nothing learns from them
    └── DeploymentBusyError              another rollout is under way
    NotFoundError
    ├── DeploymentNotFoundError, RolloutNotFoundError
"""

from __future__ import annotations

from collections.abc import Sequence

from flyball.core.errors import ConflictError, InvalidError, NotFoundError


class GateSpecError(InvalidError):
    """A gate that can never be right."""

    code = "gate-spec"

    def __init__(self, gate: str, reason: str) -> None:
        super().__init__(f"{gate}: {reason}")


class CanarySpecError(InvalidError):
    """Stages that can never be right."""

    code = "canary-spec"

    def __init__(self, reason: str) -> None:
        super().__init__(f"canary: {reason}. Write, for example, canary([0.05, 0.25, 1.0], hold='1d').")


class GuardrailSpecError(InvalidError):
    """Guardrails that can never be right."""

    code = "guardrail-spec"

    def __init__(self, reason: str) -> None:
        super().__init__(f"guardrails: {reason}. Write, for example, guardrails(errors=0.01, latency='50ms').")


class PolicyError(InvalidError):
    """A way to share rows that can never be right."""

    code = "policy"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The rows cannot be shared so: {reason}. Name versions by number and shares as fractions, such as 1=0.9 2=0.1.")


class RewardError(InvalidError):
    """A reward that is none."""

    code = "reward"

    def __init__(self, place: int, *, reason: str) -> None:
        super().__init__(f"Reward {place} (from 0): {reason}. A reward is a number from 0 to 1, by the id of a prediction.")


class RolloutOverError(ConflictError):
    """The rollout has ended."""

    code = "rollout-over"

    def __init__(self, model: str, version: int, *, state: str) -> None:
        super().__init__(f"The rollout of version {version} of model '{model}' is over: it is {state}. Start a new one.")


class IllegalRolloutMoveError(ConflictError):
    """The stage cannot follow."""

    code = "illegal-rollout-move"

    def __init__(self, model: str, version: int, *, state: str, asked: str, legal: Sequence[str]) -> None:
        allowed = f"it may become: {', '.join(legal)}" if legal else "nothing follows"
        super().__init__(f"The rollout of version {version} of model '{model}' is {state} and cannot become {asked}; {allowed}.")
        self.state, self.asked = state, asked


class IllegalDeploymentError(ConflictError):
    """Roles and shares that cannot stand together."""

    code = "illegal-deployment"

    def __init__(self, environment: str, endpoint: str, *, reason: str) -> None:
        super().__init__(f"Endpoint '{endpoint}' in '{environment}': {reason}.")


class NotDeployableError(ConflictError):
    """The version may not answer."""

    code = "not-deployable"

    def __init__(self, model: str, version: int, *, state: str) -> None:
        super().__init__(
            f"Version {version} of model '{model}' is {state}; only a validated version is released. "
            f"See why with `flyball show version {model}/{version}`."
        )


class NotHeldReadyError(ConflictError):
    """A model server could not load a version, or its scores are not those that it had when it was made."""

    code = "not-held-ready"

    def __init__(self, endpoint: str, server: str, *, reason: str) -> None:
        super().__init__(
            f"Model server '{server}' does not make it ready for endpoint '{endpoint}': {reason.rstrip('.')}. Nothing was changed."
        )


class NoBanditError(ConflictError):
    """Rewards where nothing learns from them."""

    code = "no-bandit"

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"Endpoint '{endpoint}' learns from no rewards. Let its versions share the rows by them with `flyball bandit {endpoint} 1 2`."
        )


class DeploymentBusyError(ConflictError):
    """Another rollout is under way."""

    code = "deployment-busy"

    def __init__(self, endpoint: str, version: int) -> None:
        super().__init__(f"Endpoint '{endpoint}' is rolling out version {version}. Wait until that ends, or roll it back first.")


class DeploymentNotFoundError(NotFoundError):
    """Nothing is deployed there."""

    code = "deployment-not-found"

    def __init__(self, environment: str, endpoint: str, *, known: Sequence[str]) -> None:
        super().__init__(
            f"Nothing is deployed at endpoint '{endpoint}' in '{environment}'; endpoints: {', '.join(known) or 'none'}. "
            "List them with `flyball ls deployments`."
        )


class RolloutNotFoundError(NotFoundError):
    """The version was never rolled out."""

    code = "rollout-not-found"

    def __init__(self, model: str, version: int, *, known: Sequence[int]) -> None:
        super().__init__(
            f"Version {version} of model '{model}' was never rolled out; rolled out: {', '.join(map(str, known)) or 'none'}. "
            f"List the versions with `flyball ls versions {model}`."
        )
