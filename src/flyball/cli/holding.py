"""`held`, `release` and `reject`: versions that wait for a person, the evidence on one, and the person's word."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flyball.cli.datadoor import Where, open_data, parse_version

Json = Mapping[str, Any]
NOTABLE = 8


def held(where: Where, *, as_json: bool) -> None:
    """Print the versions that wait, one to a line."""
    with open_data(where) as door:
        found = [
            (dataset["name"], number, door.get_version(dataset["name"], number))
            for dataset in door.list_datasets()
            for number in dataset["held"]
        ]
    if as_json:
        _write(json.dumps([{"dataset": name, **evidence["version"]} for name, _, evidence in found], indent=2, sort_keys=True))
        return
    if not found:
        _write("No version is held.")
    for name, number, evidence in found:
        _write(f"{name}@{number}  {_why(evidence)}. See it whole: flyball held {name}@{number}")


def evidence(text: str, where: Where, *, as_json: bool) -> None:
    """Print the evidence on one version on one page, whatever its state."""
    name, number = parse_version(text)
    with open_data(where) as door:
        found = door.get_version(name, number)
    _write(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) if as_json else "\n".join(_page(name, found)))


def release(text: str, where: Where, *, why: str) -> None:
    """Take the version, and say what stands now."""
    name, number = parse_version(text)
    with open_data(where) as door:
        found = door.release(name, number, why=why)
    taken = "" if found["number"] == number else f" as version {found['number']}, behind rows that came meanwhile"
    _write(f"Version {number} of {name} is accepted{taken} with {found['added']:,} new rows.")


def reject(text: str, where: Where, *, why: str) -> None:
    """Refuse the version for good, and say so."""
    name, number = parse_version(text)
    with open_data(where) as door:
        door.reject(name, number, why=why)
    _write(f"Version {number} of {name} is rejected; none of its rows are used.")


def _why(found: Json) -> str:
    version = found["version"]
    broken = [result["check"] for result in found["results"] if not result["passed"] and result["severity"] == "hold"]
    if broken:
        return f"{', '.join(broken[:3])}{', …' if len(broken) > 3 else ''} failed"
    return f"{version['quarantined']:,} of {_read(version):,} rows broke the contract"


def _read(version: Json) -> int:
    return int(version["added"] + version["quarantined"] + version["duplicates"])


def _page(name: str, found: Json) -> Iterator[str]:
    version = found["version"]
    yield f"{name}@{version['number']} is {version['state']}, read {version['ingested_at'][:16]} from {version['source'] or 'its source'}"
    aside, known = version["quarantined"], version["duplicates"]
    yield f"{_read(version):,} rows read: {version['added']:,} new, {aside:,} set aside, {known:,} known already"
    yield from _checks(found["results"])
    yield from _aside(found["quarantine"])
    yield from _different(found["difference"])
    if version["state"] == "held":
        yield ""
        yield f"Take it as it is: flyball release {name}@{version['number']}    Never take it: flyball reject {name}@{version['number']}"


def _checks(results: Sequence[Json]) -> Iterator[str]:
    failed = [result for result in results if not result["passed"]]
    yield ""
    yield f"{len(results) - len(failed)} of {len(results)} checks passed" if results else "No results of checks are kept of it"
    for result in failed:
        said = result["message"] or f"observed {result['observed']}, expected {result['expected']}"
        examples = f"; for example {', '.join(map(str, result['examples'][:3]))}" if result["examples"] else ""
        yield f"  {result['severity']:<10}  {result['check']}: {said}{examples}"


def _aside(quarantine: Json) -> Iterator[str]:
    if not quarantine["rows"]:
        return
    yield ""
    yield f"{quarantine['rows']:,} rows set aside"
    for reason, rows in quarantine["reasons"]:
        yield f"  {rows:>10,}  {reason}"
    for row in quarantine["examples"][:3]:
        yield f"  {row['file']} row {row['row']}: {'; '.join(row['reasons'])}"


def _different(difference: Json | None) -> Iterator[str]:
    if difference is None:
        return
    notable = [column for column in difference["columns"] if column.get("notable")]
    yield ""
    columns = f"{len(notable) or 'none'} of {len(difference['columns'])} columns"
    yield f"Compared with version {difference['from']}, the rows that it brings are other in {columns}"
    for column in notable[:NOTABLE]:
        yield f"  {column['column']}: {_moved(column)}"
    if len(notable) > NOTABLE:
        yield f"  and {len(notable) - NOTABLE} more: flyball profile NAME@{difference['to']} --against {difference['from']}"


def _moved(column: Json) -> str:
    if column["change"] != "same":
        return f"{column['change']} ({column['types'][0] or 'nothing'} to {column['types'][1] or 'nothing'})"
    parts = []
    if column["psi"] is not None:
        parts.append(f"stability index {column['psi']:.3f}")
    if column["means"] is not None:
        parts.append(f"mean {_short(column['means'][0])} to {_short(column['means'][1])}")
    if column["n_new"]:
        parts.append(f"{column['n_new']} new values ({', '.join(map(str, column['new'][:3]))})")
    return "; ".join(parts)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _write(text: str) -> None:
    # What was set aside comes from anywhere: a terminal is sent no control characters but line ends.
    sys.stdout.write("".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text) + "\n")
