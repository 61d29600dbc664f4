"""Endpoints in words, of what the control plane says of them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from flyball.console.endpointrecords import Endpoint
from flyball.console.endpointviews import policy_words
from flyball.releases import Deployment, bandit, segments, weights
from flyball.serving.policies import Policy

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (None, "the champion answers all"),
        (weights({1: 0.9, 2: 0.1}), "by weights"),
        (bandit([1, 2], learns="rewards", since=SINCE), "by what each version earns"),
        (segments("carrier", {"UA": 2}), "by the value of carrier"),
    ],
    ids=["none", "weights", "bandit", "segments"],
)
def test_how_rows_are_shared_is_said_of_what_a_deployment_is(policy: Policy | None, words: str) -> None:
    here = Deployment("production", "late", "late", champion=1, policy=policy)
    told = {name: value for name, value in here.to_json().items() if name in Endpoint.__struct_fields__}
    assert policy_words(msgspec.convert({"name": "late", **told}, Endpoint)) == words
