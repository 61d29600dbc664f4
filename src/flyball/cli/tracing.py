"""`trace` on a terminal: one prediction with all that it came from."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flyball.cli.remote import open_desk
from flyball.core.duration import format_duration

Json = dict[str, Any]
SECOND = timedelta(seconds=1)


def trace(prediction: str, *, as_json: bool, home: Path | None) -> None:
    """Print the trace."""
    with open_desk(home, os.environ) as desk:
        found = desk.get_prediction(prediction)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        return
    sys.stdout.write("\n".join(_lines(found)) + "\n")


def _lines(found: Json) -> Iterator[str]:
    asked = found["prediction"]
    yield f"{asked['id']}  endpoint {asked['endpoint']}  {_minute(asked['time'])}"
    yield from _answer(asked)
    yield "request"
    yield from _table([(f"  {name}", _value(value)) for name, value in found["request"].items()])
    yield "features"
    yield from _table([_feature(feature) for feature in found["features"]])
    yield from _version(found["version"], found["training"])
    if found["rollout"] is not None:
        rollout = found["rollout"]
        yield f"  rollout: {rollout['state']} since {_minute(rollout['entered'])}, {rollout['share']:.0%} of the rows"
    yield "why this version"
    for depth, event in enumerate(found["causes"]):
        because = "because " if depth else ""
        yield f"  {_minute(event['time'])}  {because}{event['text']}"
        yield f"{' ' * 20}{event['type']}  {event['id']}  {event['subject']}  by {event['actor']}"


def _answer(asked: Json) -> Iterator[str]:
    for failure in asked["failures"]:
        yield f"  version {failure['version']} failed: {failure['error']}"
    if asked["error"]:
        yield f"  version {asked['version']} failed, and no other stood in: {asked['error']}"
        return
    yield (
        f"  version {asked['version']} ({asked['route']}) answered in {asked['seconds'] * 1000:.1f} ms: "
        f"score {_value(asked['score'])}, prediction {_value(asked['prediction'])}"
    )


def _feature(feature: Json) -> tuple[str, ...]:
    if not feature["looked_up"]:
        return f"  {feature['name']}", _value(feature["value"]), "from the request"
    if feature["value_time"] is None:
        return f"  {feature['name']}", _value(feature["value"]), "nothing was known"
    age = format_duration(timedelta(seconds=feature["age_seconds"]) // SECOND * SECOND) if feature["age_seconds"] >= 0 else "ahead"
    return f"  {feature['name']}", _value(feature["value"]), f"of {_minute(feature['value_time'])}", f"{age} old"


def _version(version: Json | None, training: Json | None) -> Iterator[str]:
    if version is None or training is None:
        yield "  the version is not in the registry of this home"
        return
    interval = version["metric_interval"]
    promised = "" if interval is None else f": {version['metric']} {interval['value']:.4f} [{interval['low']:.4f}, {interval['high']:.4f}]"
    yield f"version {version['version']} of {version['model']}, {version['state']}{promised}"
    data = ", ".join(f"{part['dataset']}@{part['version']}" for part in training["data"])
    because = f" because of {training['reason']}" if training.get("reason") else ""
    yield f"  trained in {training['run']}{because} on {training['rows'] or '?'} rows of {data or 'unknown data'}"
    yield f"  code {version['code_version']}, model {version['digest'][:12]}, features {version['features'][:12]}"
    for gate in version["gates"]:
        yield f"  gate {gate['name']} {'passed' if gate['passed'] else 'failed'}: {gate['why']}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows if len(row) > place) for place in range(max(map(len, rows), default=0))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()


def _minute(time: str) -> str:
    return datetime.fromisoformat(time).strftime("%Y-%m-%d %H:%M")


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None else str(value)
