"""Every event that the code records is told in a sentence of its own, and a chain of causes ends or is refused."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import flyball
from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.data.model import VersionState
from flyball.loop.catalogue import FEATURES_COMPILED
from flyball.loop.trace import describe
from flyball.monitoring.parity import CHECKED
from flyball.serving.converting import CONVERTED
from flyball.tracking.model import RunStatus

SOURCES = Path(flyball.__file__).parent
NOW = datetime(2024, 1, 1, tzinfo=UTC)
CLIENT_RUNS = {f"run.{status}" for status in RunStatus if status not in {RunStatus.RUNNING, RunStatus.SCHEDULED}}
COMPUTED = {  # the calls whose first argument is no plain text, by module, with what it may be
    "data/recording.py": {"contract.given", "contract.inferred", "contract.changed", "contract.warned", "rows.quarantined"},
    "data/service.py": set[str](),  # it asks what keeps versions to record them
    "data/keeping.py": {f"dataset.version.{state}" for state in VersionState},
    "loop/catalogue.py": {FEATURES_COMPILED},
    "loop/worker.py": {"alert.raised", "retrain.held"},
    "data/live.py": set[str](),  # it asks a commit to record itself
    "data/livecommit.py": {f"dataset.version.{state}" for state in VersionState},
    "app/parity.py": {CHECKED},
    "data/beginning.py": {"contract.given", "contract.inferred"},
    "app/streams.py": {"dataset.pull.failed", "dataset.pull.recovered"},
    "app/pulls.py": {"dataset.pull.failed", "dataset.pull.recovered"},
    "monitoring/parity.py": {CHECKED},
    "registry/parts.py": {
        "alias.deleted", "alias.set", "model.created", "model.deleted", "model.renamed", "model.tag-deleted", "model.tag-set",
        "model.updated", "version.deleted", "version.registered", "version.stage-set", "version.tag-deleted", "version.tag-set",
        "version.updated",
    },
    "registry/service.py": {"version.validated", "version.rejected", "version.retired", "version.restored"},
    "releases/service.py": {"rollout.stage-entered", "rollout.finished", "rollout.rolled-back"},
    "releases/steering.py": {"traffic.policy-set", "traffic.shadows-set", "traffic.prepared", "traffic.dropped", "traffic.learned"},
    "tracking/service.py": CLIENT_RUNS,
    "tracking/runs.py": CLIENT_RUNS | {"run.deleted", "run.restored"},
    "tracking/experiments.py": {"experiment.deleted", "experiment.restored"},
    "app/conversions.py": {CONVERTED},
    "serving/converting.py": {CONVERTED},
    "governance/service.py": {"token.created", "token.revoked"},
}  # fmt: skip


def _recorded() -> Iterator[tuple[str, str | None]]:
    """The module and the first argument, or None where it is computed, of every call of `record`."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record" and node.args:
                kind = node.args[0]
                yield path.relative_to(SOURCES).as_posix(), str(kind.value) if isinstance(kind, ast.Constant) else None


RECORDED = [(module, kind) for module, kind in _recorded() if not module.startswith("testing/")]
KINDS = {kind for _, kind in RECORDED if kind} | {kind for kinds in COMPUTED.values() for kind in kinds}


def test_every_call_whose_type_is_computed_is_known_here() -> None:
    assert {module for module, kind in RECORDED if kind is None} == set(COMPUTED)
    assert len(KINDS) > 30


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_recorded_type_has_its_sentence(kind: str) -> None:
    told = describe(Event(EventId("evt-1"), kind, "model/late", NOW))
    assert told != describe(Event(EventId("evt-1"), "no.such", "model/late", NOW)).replace("no such", kind.replace(".", " "))


def test_a_type_without_a_sentence_is_told_by_its_words() -> None:
    assert describe(Event(EventId("evt-1"), "coffee.made", "kitchen", NOW)) == "coffee made (kitchen)"


def test_unusual_values_are_named() -> None:
    warnings = [{"column": "basket", "why": "is below 2.45", "rows": 3}]
    data = {"version": 4, "warnings": warnings, "unexpected_columns": ["mood"]}
    event = Event(EventId("evt-1"), "contract.warned", "dataset/rows", NOW, data=data)
    assert describe(event) == "version 4 is unusual: basket is below 2.45 in 3 rows; columns that its contract does not name: mood"


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        ("traffic.policy-set", {"policy": {"policy": "weights", "shares": {"1": 0.9, "2": 0.1}}, "why": "to compare"},
         "rows are shared by weights: version 1 90.0%, version 2 10.0%: to compare"),
        ("traffic.policy-set", {"policy": {"policy": "segments", "column": "carrier", "values": {"UA": 3, "AA": 2, "DL": 3}}},
         "rows are shared by carrier between the champion and versions 2, 3"),
        ("traffic.policy-set", {"policy": None}, "the champion has all rows again"),
        ("traffic.shadows-set", {"shadows": [3]}, "shadows: version 3"),
        ("traffic.shadows-set", {"shadows": []}, "shadows: no version"),
    ],
)  # fmt: skip
def test_how_rows_are_shared_is_told_in_words(kind: str, data: dict[str, Any], says: str) -> None:
    assert describe(Event(EventId("evt-1"), kind, "model/late/traffic", NOW, data)) == says
