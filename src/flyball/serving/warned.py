"""What the caller should know of single rows: look-ups without a fresh value, and categories that the model never saw."""

from __future__ import annotations

from collections.abc import Mapping

from flyball.serving.counters import Counters
from flyball.serving.group import Group
from flyball.serving.outcome import Outcome
from flyball.serving.record import Answered
from flyball.serving.vector import Lacks


def warnings_of(group: Group, record: Answered, *, lacks: Lacks, outcome: Outcome, counters: Counters) -> Mapping[int, list[str]]:
    """Warnings by row of the group, which are counted."""
    found = {row: list(words) for row, words in outcome.warnings.items()}
    if found:
        counters.warnings[group.endpoint.name, "graph"] += len(found)
    for label, of in lacks.items():
        for row, lack in of.items():
            counters.lacks[group.endpoint.name, label, lack] += 1
            if lack != "unnamed":  # who sends no entity knows that there is none
                found.setdefault(row, []).append(group.words(label, row, lack=lack))
                counters.warnings[group.endpoint.name, "entity" if lack == "unknown" else lack] += 1
    for name, levels in group.version.levels.items():
        values = record.features[name]
        if levels.issuperset(values):
            continue
        for row, value in enumerate(values):
            if value is not None and value not in levels:
                found.setdefault(row, []).append(f"the model has never seen {name} {value!r}")
                counters.warnings[group.endpoint.name, "category"] += 1
    return found
