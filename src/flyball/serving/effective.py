"""What is in force of a plan: some endpoints may be unloaded by hand, and some held back because a version was refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from flyball.serving.plan import EndpointPlan, ServingPlan


def unloaded(plan: ServingPlan, names: Collection[str]) -> ServingPlan:
    """The plan with nobody answering at the endpoints `names`."""
    found = tuple(_without_versions(endpoint) if endpoint.endpoint in names else endpoint for endpoint in plan.endpoints)
    return msgspec.structs.replace(plan, endpoints=found)


def held_back(plan: ServingPlan, names: Collection[str], *, before: ServingPlan | None) -> ServingPlan:
    """The plan with the endpoints `names` as they were `before`, or not at all; its revision is the former one then."""
    if not names:
        return plan
    former: Mapping[str, EndpointPlan] = {} if before is None else {found.endpoint: found for found in before.endpoints}
    found = [former.get(endpoint.endpoint) if endpoint.endpoint in names else endpoint for endpoint in plan.endpoints]
    revision = 0 if before is None else before.revision
    return ServingPlan(revision=revision, endpoints=tuple(endpoint for endpoint in found if endpoint is not None))


def _without_versions(plan: EndpointPlan) -> EndpointPlan:
    return EndpointPlan(
        endpoint=plan.endpoint, model=plan.model, revision=plan.revision, champion=None, canary=None, share=0.0, versions=()
    )
