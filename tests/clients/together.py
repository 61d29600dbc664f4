"""Several processes at once: each logs to its own run and to one that they share, and nothing is lost. WORKERS ENTRIES are arguments."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from tests.clients.noted import fresh


def worker(number: int, entries: int, *, shared: str, name: str) -> None:
    """What one process logs."""
    client = MlflowClient()
    experiment = client.get_experiment_by_name(name)
    run = client.create_run(experiment.experiment_id, run_name=f"worker-{number}").info.run_id
    for step in range(entries):
        client.log_metric(run, "m", float(step), step=step)
        client.log_metric(shared, f"of-{number}", float(step), step=step)
    client.log_batch(shared, params=[Param(f"p{number}", str(number))], metrics=[Metric("all", float(number), 1 + number, number)])
    client.log_text(run, str(number), "said.txt")
    client.set_terminated(run)


def main() -> None:
    """Start the others, wait, and count."""
    if sys.argv[1] == "--worker":
        worker(int(sys.argv[2]), int(sys.argv[3]), shared=sys.argv[4], name=sys.argv[5])
        return
    workers, entries = int(sys.argv[1]), int(sys.argv[2])
    client, name = MlflowClient(), fresh("together")
    experiment = client.create_experiment(name)
    shared = client.create_run(experiment, run_name="shared").info.run_id
    command = [sys.executable, "-m", "tests.clients.together", "--worker"]
    started = [subprocess.Popen([*command, str(n), str(entries), shared, name], env=os.environ) for n in range(workers)]
    assert [each.wait() for each in started] == [0] * workers
    runs = client.search_runs([experiment], "attributes.run_name LIKE 'worker-%'")
    assert sorted(each.info.run_name for each in runs) == sorted(f"worker-{number}" for number in range(workers))
    for run in runs:
        assert run.info.status == "FINISHED"
        assert sorted(each.step for each in client.get_metric_history(run.info.run_id, "m")) == list(range(entries))
    found = client.get_run(shared).data
    assert found.params == {f"p{number}": str(number) for number in range(workers)}
    for number in range(workers):
        assert len(client.get_metric_history(shared, f"of-{number}")) == entries
    assert len(client.get_metric_history(shared, "all")) == workers
    print(json.dumps([]))


if __name__ == "__main__":
    main()
