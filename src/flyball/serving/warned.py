"""What the caller should know of single rows: entities of which nothing is known, and categories that the model never saw."""

from __future__ import annotations

from collections.abc import Mapping

from flyball.serving.counters import Counters
from flyball.serving.group import Group
from flyball.serving.outcome import Outcome
from flyball.serving.record import Answered


def warnings_of(group: Group, record: Answered, *, outcome: Outcome, counters: Counters) -> Mapping[int, list[str]]:
    """Warnings by row of the group, which are counted."""
    found = {row: list(words) for row, words in outcome.warnings.items()}
    if found:
        counters.warnings[group.endpoint.name, "graph"] += len(found)
    for label, times in record.value_times.items():
        bound = group.version.bound.get(label, ())
        for row in (row for row, time in enumerate(times) if time is None) if None in times else ():
            entity = {name: group.rows.columns[name][row] for name in bound}
            if None not in entity.values():
                words = ", ".join(f"{name} {value!r}" for name, value in entity.items())
                found.setdefault(row, []).append(f"nothing is known for {label!r} of {words}")
                counters.warnings[group.endpoint.name, "entity"] += 1
    for name, levels in group.version.levels.items():
        values = record.features[name]
        if levels.issuperset(values):
            continue
        for row, value in enumerate(values):
            if value is not None and value not in levels:
                found.setdefault(row, []).append(f"the model has never seen {name} {value!r}")
                counters.warnings[group.endpoint.name, "category"] += 1
    return found
