"""Evidence survives JSON; versions make legal moves only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.core.ids import Digest, RunId
from flyball.registry import LEGAL_MOVES, Difference, Estimate, Evidence, IllegalVersionMoveError, ModelVersion, VersionState

numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
figures = st.tuples(numbers, numbers, numbers, st.integers(0, 10**9)).map(lambda t: (t[0], min(t[1], t[2]), max(t[1], t[2]), t[3]))
estimates = figures.map(lambda found: Estimate(*found))
differences = st.tuples(st.text(max_size=9), figures).map(lambda found: Difference(found[0], *found[1]))
times = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  bounds are naive by hypothesis' rule
names = st.text(max_size=9)


def tables(values: st.SearchStrategy[Estimate]) -> st.SearchStrategy[Mapping[str, Estimate]]:
    return st.dictionaries(names, values, max_size=3)


evidences = st.builds(
    Evidence, metric=names, metrics=tables(estimates), start=times, end=times, rows=st.integers(0, 10**9),
    greater_is_better=st.booleans(), slices=st.dictionaries(names, tables(estimates), max_size=2),
    champion=st.none() | st.integers(1, 99), comparison=st.none() | differences, notes=st.lists(names, max_size=2).map(tuple),
)  # fmt: skip


@settings(max_examples=60)
@given(evidences)
def test_evidence_comes_back_from_json_as_it_was(evidence: Evidence) -> None:
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json()))) == evidence


@given(st.lists(st.sampled_from(VersionState), max_size=8))
def test_only_legal_moves_are_made(asked: list[VersionState]) -> None:
    version = ModelVersion(
        model="m", number=1, digest=Digest("d"), run=RunId("r"), training_digest=Digest("t"), feature_fingerprint=Digest("f"),
        code_version="c", environment=Digest("e"), created=datetime(2013, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    for state in asked:
        before = version
        try:
            version = version.moved(state)
        except IllegalVersionMoveError:
            assert state not in LEGAL_MOVES[before.state]
        else:
            assert state in LEGAL_MOVES[before.state]
            assert version.state is state
    assert VersionState.CANDIDATE not in {move for moves in LEGAL_MOVES.values() for move in moves}
