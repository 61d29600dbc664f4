"""What an ingest leaves in the event log and in lineage: that something came in, what was odd about it, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flyball.core.events import Event
from flyball.core.ids import EventId
from flyball.data.checking import Judged
from flyball.data.ingest import Findings
from flyball.data.model import DatasetVersion
from flyball.data.sifting import reasons_in
from flyball.lineage import Edge, reference
from flyball.storage.recorder import Recorder

SHOWN = 10


def announce(
    recorder: Recorder, findings: Findings, *, facts: Mapping[str, Any], before: DatasetVersion | None, cause: EventId | None
) -> Event:
    """Record that a version was received, because of `cause`, and because of that what was found; returns the first event.

    To be called within the transaction that creates the version; `before` is the dataset's version of the number before.
    """
    subject, number = f"dataset/{facts['dataset']}", facts["number"]
    names = [file.name for file in findings.batch.files]
    files = {
        "files": len(names),
        "first_file": names[0],
        "last_file": names[-1],
        "bytes": sum(file.size_bytes for file in findings.batch.files),
        **({"left_out": findings.left_out, "known_by": findings.known_by} if findings.left_out else {}),
    }
    received = recorder.record(
        "dataset.version.received", subject, data={"version": number, "digest": facts["digest"], **files}, cause=cause
    )
    for kind, data in _oddities(findings, before):
        recorder.record(kind, subject, data={"version": number, **data}, cause=received.id)
    return received


def summary(facts: Mapping[str, Any], share_broken: float, *, held_by: Sequence[str] = ()) -> Mapping[str, Any]:
    """What the event of an accepted or held version says of it."""
    shown = ("digest", "rows", "added", "quarantined", "duplicates", "table", "table_version", "earliest_event_time", "latest_event_time")
    held = {"held_by": list(held_by)} if held_by else {}
    return {"version": facts["number"], **held, "share_broken": round(share_broken, 6), **{name: facts[name] for name in shown}}


def edges(version: DatasetVersion, findings: Findings) -> list[Edge]:
    """What the version came from: its files, its contract, its parent; of derived rows their inputs and code."""
    child = version.reference
    parts = [Edge(child, reference("file", file.digest), "read") for file in version.files]
    parts.append(Edge(child, reference("contract", version.contract), "judged-by"))
    source = findings.batch.dataset.source
    parts += [Edge(child, origin, kind) for file in version.files for origin, kind in source.origins(file.position)]
    if findings.past.parent is not None:
        parts.append(Edge(child, findings.past.parent.reference, "extends"))
    return parts


def reasons(counts: Mapping[str, int]) -> Sequence[Sequence[Any]]:
    """The most frequent reasons, and how many rows gave them."""
    return [[reason, rows] for reason, rows in sorted(counts.items(), key=lambda found: (-found[1], found[0]))[:SHOWN]]


def _oddities(findings: Findings, before: DatasetVersion | None) -> Iterable[tuple[str, Mapping[str, Any]]]:
    contract, sifted = findings.contract, findings.sifted
    if before is None:
        basis = {
            "inferred_from": contract.inferred_from and {name: getattr(contract.inferred_from, name) for name in ("rows", "since", "until")}
        }
        kind = "contract.given" if findings.given else "contract.inferred"
        yield kind, {"contract": contract.digest, "columns": len(contract.columns), **basis}
    elif before.contract != contract.digest:
        yield "contract.changed", {"contract": contract.digest, "before": before.contract}
    warned = {
        "warnings": [*(asdict(found) for found in findings.verdict.warned), *findings.verdict.broken],
        "unexpected_columns": sorted(sifted.unexpected),
        **({"missing_columns": sorted(sifted.missing)} if sifted.missing else {}),
    }
    if any(warned.values()):
        yield "contract.warned", warned
    if sifted.quarantined:
        yield "rows.quarantined", {"rows": sifted.quarantined, "reasons": reasons(sifted.reasons)}


def odd_rows(judged: Judged, unexpected: Iterable[str]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The events that rows lead to which were taken with a warning, or set aside."""
    if judged.warned or unexpected:
        yield "contract.warned", {"warnings": [asdict(warned) for warned in judged.warned], "unexpected_columns": sorted(unexpected)}
    if judged.quarantined.height:
        yield "rows.quarantined", {"rows": judged.quarantined.height, "reasons": reasons(reasons_in(judged.quarantined))}
