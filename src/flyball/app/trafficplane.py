"""What doors ask about endpoints: who answers there and how it goes, and how rows are shared; as `ControlPlane` has it for all else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from flyball.app.deed import Deed, Json
from flyball.releases.rewards import Reward
from flyball.serving.policies import Learning


class TrafficPlane(Protocol):
    """Endpoints of one home. Thread-safe.

    What changes something is in force on every model server when it returns, as "servers" says: `acknowledged`, and by name which servers
    answer from it, refuse it, are late or absent. It raises NotFoundError for a name or version that nothing has, ConflictError where the
    state forbids it, InvalidError for what can never be right, and leaves everything as it was when it raises.
    """

    def list_endpoints(self) -> Json:
        """{"endpoints": [what `get_endpoint` says of each]}."""
        ...

    def get_endpoint(self, endpoint: str) -> Json:
        """Its deployment, its versions with roles, shares and traffic, what shadows said, and the model servers."""
        ...

    def get_inputs(self, endpoint: str) -> Json:
        """{"inputs"}: the columns that a request has, as the home's model server says."""
        ...

    def try_rows(self, endpoint: str, rows: Sequence[Json]) -> Json:
        """What the home's model server answers to a request of these rows, which it logs as any other."""
        ...

    def set_weights(self, endpoint: str, weights: Mapping[int, float], *, deed: Deed) -> Json:
        """{"deployment", "event", "servers"}: each version gets its share of the rows; all for the champion ends a policy."""
        ...

    def set_segments(self, endpoint: str, column: str, *, values: Mapping[str, int], deed: Deed) -> Json:
        """{"deployment", "event", "servers"}: rows with one of the values in `column` are that version's."""
        ...

    def set_bandit(self, endpoint: str, versions: Sequence[int], *, learns: Learning, deed: Deed) -> Json:
        """{"deployment", "event", "servers"}: the versions get rows by what they earn."""
        ...

    def delete_policy(self, endpoint: str, *, deed: Deed) -> Json:
        """{"deployment", "event", "servers"}: the champion has all rows again, but a canary's."""
        ...

    def set_shadows(self, endpoint: str, versions: Sequence[int], *, deed: Deed) -> Json:
        """{"deployment", "event", "servers"}: these versions and no others are asked beside those that answer."""
        ...

    def add_rewards(self, endpoint: str, rewards: Sequence[Reward]) -> Json:
        """{"accepted", "duplicates", "unknown": ids of no answer since the bandit began}: what answers earned."""
        ...
