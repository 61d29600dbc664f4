"""How soon a model server of finished vectors gives its first answer, and what all of its processes weigh then.

A gradient-boosted model over ten numbers, of one plan, without a project. The start is timed from the command to the first answered
prediction; memory is the proportional set size of all processes of the server, after a thousand answers more, and their resident
size, which counts what is shared with others whole and is what has a limit. One worker, which is one
process, has limits; a master with one worker and with two is shown beside it.

Run ``python bench/serving/start.py``; the exit code is 1 when a limit is passed.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import lightgbm
import numpy as np

from flyball.runtimes.packing import pack
from flyball.serving.plan import EndpointPlan, InputColumn, ServingPlan, VersionPlan
from flyball.storage._localblobs import LocalBlobs

ROUNDS = 5
MOST_SECONDS, MOST_MEGABYTES = 2.0, 120.0
NAMES = [f"x{number}" for number in range(10)]
BODY = json.dumps({"rows": [dict.fromkeys(NAMES, 0.5)]})
MLMODEL = "flavors:\n  lightgbm:\n    model_class: lightgbm.basic.Booster\n    data: model.lgb\n"


def _lay_out(place: Path) -> Path:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(2000, len(NAMES)))
    data = lightgbm.Dataset(rows, rows[:, 0] > rows[:, 1], feature_name=NAMES)
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 100)
    packed = pack({"MLmodel": MLMODEL.encode(), "model.lgb": booster.model_to_string().encode()}, may_run_code=False)
    digest = LocalBlobs(place / "blobs").put(packed.archived())
    inputs = tuple(InputColumn(name, "Float64") for name in NAMES)
    version = VersionPlan(number=1, model_digest=digest, task=packed.manifest.task, inputs=inputs)
    endpoint = EndpointPlan(endpoint="boosted", model="boosted", revision=1, champion=1, canary=None, share=0.0, versions=(version,))
    plan = place / "plan.json"
    plan.write_bytes(ServingPlan(revision=1, endpoints=(endpoint,)).encode())
    return plan


def _start(plan: Path, workers: str) -> subprocess.Popen[bytes]:
    (plan.parent / "run" / "predict.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "flyball.predict", "--home", str(plan.parent), "--plan", str(plan), "--port", "0", "--no-auth"]
    with (plan.parent / "server.log").open("ab") as log:
        return subprocess.Popen([*command, "--workers", workers], stdout=log, stderr=log)


def _ask(line: http.client.HTTPConnection) -> int:
    line.request("POST", "/predict/boosted", BODY, {"Content-Type": "application/json"})
    answer = line.getresponse()
    answer.read()
    return answer.status


def _first_answer(process: subprocess.Popen[bytes], home: Path) -> http.client.HTTPConnection:
    until = time.perf_counter() + 60
    while time.perf_counter() < until and process.poll() is None:
        try:
            port = json.loads((home / "run" / "predict.json").read_text(encoding="utf-8"))["port"]
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            if _ask(line) == 200:
                return line
        except (OSError, ValueError):
            time.sleep(0.005)
    sys.exit(f"no answer: {(home / 'server.log').read_text()[-2000:]}")


def _processes(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            found += _processes(int(child))
    return found


def _megabytes(pid: int, kind: str) -> float:
    lines = [line for own in _processes(pid) for line in Path(f"/proc/{own}/smaps_rollup").read_text(encoding="ascii").splitlines()]
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith(kind))


def _processor_seconds(pid: int) -> float:
    fields = [Path(f"/proc/{own}/stat").read_text(encoding="ascii").rpartition(")")[2].split() for own in _processes(pid)]
    return sum(int(found[11]) + int(found[12]) for found in fields) / 100


def _measure(plan: Path, workers: str) -> tuple[float, float, float, float]:
    began = time.perf_counter()
    process = _start(plan, workers)
    line = _first_answer(process, plan.parent)
    seconds, processor = time.perf_counter() - began, _processor_seconds(process.pid)
    for _ in range(1000):
        _ask(line)
    weight, whole = _megabytes(process.pid, "Pss:"), _megabytes(process.pid, "Rss:")
    line.close()
    process.terminate()
    process.wait(20)
    return seconds, weight, whole, processor


def main() -> None:
    """Measure, print, judge; on a busy machine the processor time tells more than the time."""
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        plan = _lay_out(Path(folder))
        for workers in ("1", "1-2", "2"):
            found = [_measure(plan, workers) for _ in range(ROUNDS)]
            seconds, weight, whole, processor = (statistics.median(column) for column in zip(*found, strict=True))
            fastest = min(one for one, *_ in found)
            limit = f"; limits {MOST_SECONDS:g} s, {MOST_MEGABYTES:g} MB" if workers == "1" else ""
            times = f"{seconds:.2f} s, the fastest {fastest:.2f} s, {processor:.2f} s of processor time"
            print(f"--workers {workers:4} first answer after {times}; {weight:.0f} MB ({whole:.0f} with all that is shared){limit}")
            failed |= workers == "1" and (fastest > MOST_SECONDS or whole > MOST_MEGABYTES)
    sys.exit(failed)


if __name__ == "__main__":
    main()
