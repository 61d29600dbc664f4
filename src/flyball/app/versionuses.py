"""What uses the versions of a home's registry: deployments, rollouts that may be taken back, graphs, and jobs that have not ended.

Plans are made of deployments, and hold what those hold. A server by hand (`flyball serve models:/…`) and a batch that was scored keep
copies of what they need. A conversion that waits for a version needs none any more once that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyball.core.errors import FlyballError
from flyball.core.ids import Digest
from flyball.lineage import LineageStore
from flyball.loop.conductor import KIND as DEEDS
from flyball.registry.descent import version_reference
from flyball.registry.model import ModelVersion
from flyball.registry.modelstore import ModelStore
from flyball.registry.uses import FindUses, Use
from flyball.releases import Deployment, ReleaseStore
from flyball.releases.rollout import RolloutState
from flyball.runtimes.graphfile import GRAPH
from flyball.serving.graphs.model import GraphSpec
from flyball.serving.policies import Bandit, Segments, Weights
from flyball.storage.blobs import BlobStore
from flyball.storage.jobs import BUSY, Job, JobQueue, JobState

RENAMED = "renamed-from"


@dataclass(frozen=True)
class VersionUses:
    """Looks for who uses versions. Thread-safe as its stores are."""

    releases: ReleaseStore
    jobs: JobQueue
    models: ModelStore
    lineage: LineageStore
    blobs: BlobStore

    def __call__(self) -> FindUses:
        """What finds the uses of a version as they are now, those by which it answers first."""
        deployments = self.releases.list_deployments()
        graphs = [(model, number, spec) for model, number, digest in self.models.list_having(GRAPH) if (spec := self._graph(digest))]
        pending: list[JobState] = ["queued", *BUSY]
        deeds = [job for state in pending for job in self.jobs.list(state) if job.kind == DEEDS]

        def find(version: ModelVersion) -> Sequence[Use]:
            mine = (here for here in deployments if here.model == version.model)
            called = self._called(version, graphs) if graphs else ()
            return [*(use for here in mine for use in self._deployed(here, version.number)), *called, *_awaited(version, deeds)]

        return find

    def _graph(self, digest: Digest) -> GraphSpec | None:
        """The graph; None where it is none, or is damaged, and nobody can be asked by it."""
        try:
            return GraphSpec.decode(self.blobs.get(digest))
        except FlyballError:
            return None

    def _deployed(self, here: Deployment, number: int) -> Iterator[Use]:
        where = f"at endpoint '{here.endpoint}'"
        if number == here.champion:
            another = f"with `flyball promote {here.endpoint} --version N` or `flyball rollback {here.endpoint}`"
            yield Use(f"the champion {where}", f"release another version {another}")
        if number == here.canary:
            yield Use(f"the canary {where}", f"end its rollout with `flyball rollback {here.endpoint}`")
        if number in here.challengers:
            yield Use(f"{_shared(here, number)} {where}", f"end the policy with `flyball rollback {here.endpoint}`")
        if number in here.shadows:
            yield Use(f"a shadow {where}", f"name the other shadows, or none, with `flyball shadow {here.endpoint}`")
        if number == self._before(here):
            yield Use(f"what `flyball rollback` goes back to {where}", "release another version")
        elif number in here.resident:
            yield Use(f"held ready {where}", "let other versions answer, whose forerunners are held ready in its place")

    def _before(self, here: Deployment) -> int | None:
        """The champion that the present one has taken the place of."""
        if here.champion is None:
            return None
        found = self.releases.find_rollout(here.environment, here.endpoint, version=here.champion)
        return None if found is None or found.state is not RolloutState.FULL else found.champion

    def _called(self, version: ModelVersion, graphs: Sequence[tuple[str, int, GraphSpec]]) -> Iterator[Use]:
        names = {f"models:/{name}/{version.number}" for name in self._names(version)}
        for model, number, spec in graphs:
            steps = sorted(step for step, meant in spec.models.items() if meant.model in names)
            if steps and (model, number) != (version.model, version.number):
                role = f"asked by step '{steps[0]}' of graph models:/{model}/{number}"
                yield Use(role, f"delete version {number} of '{model}'")

    def _names(self, version: ModelVersion) -> set[str]:
        """The names that the version's model goes by, or went by when a graph was made."""
        suffix, found = f"@{version.number}", set[str]()
        waiting = [version_reference(version.model, version.number)]
        while waiting:
            here = waiting.pop()
            name = here.removeprefix("model/").removesuffix(suffix)
            if name not in found:
                found.add(name)
                waiting += [edge.parent for edge in self.lineage.list_parents(here) if edge.kind == RENAMED]
        return found


def _awaited(version: ModelVersion, jobs: Sequence[Job]) -> Iterator[Use]:
    for job in jobs:
        if job.payload.get("model") == version.model and _names(job.payload.get("fields", {}), version):
            yield Use(f"what the job {job.id} ({job.payload.get('command')}) is about", "wait for it to end")


def _names(fields: Mapping[str, Any], version: ModelVersion) -> bool:
    return fields.get("version") == version.number or bool(version.run and fields.get("run") == version.run)


def _shared(here: Deployment, number: int) -> str:
    match here.policy:
        case Weights(shares=shares):
            return f"given {shares[number]:.1%} of the rows by weights"
        case Bandit():
            return "an arm of the bandit"
        case Segments(column=column, values=values):
            mine = sorted(value for value, chosen in values.items() if chosen == number)
            return f"the segment {column}={mine[0]}{f' and {len(mine) - 1} more' if len(mine) > 1 else ''}"
        case None:
            return "a challenger"
