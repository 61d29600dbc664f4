"""A cluster of Ray on this host, in a process of its own: one that could not start leaves nothing behind, and is tried again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Ray reads these once, when it is imported: nobody else on this host may use what tests start.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", os.urandom(32).hex())
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
_TRIES = 5  # on a machine that is busy; Ray itself gives up after half a minute
_HOLD = """
import sys, ray
from ray._private.worker import global_worker
ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False)
sys.stdout.write("cluster " + global_worker.node.gcs_address + "\\n")
sys.stdout.flush()
sys.stdin.readline()
ray.shutdown()
"""


@contextmanager
def cluster() -> Iterator[str]:
    """Its address, HOST:PORT, for as long as the block lasts; it counts four processors, whatever the machine has."""
    for _ in range(_TRIES):
        command = [sys.executable, "-c", _HOLD]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            address = next((line.split()[1] for line in process.stdout if line.startswith("cluster ")), None)
            if address is not None:
                try:
                    yield address
                finally:
                    process.stdin.write("end\n")
                    process.stdin.flush()
                return
    raise AssertionError(f"Ray did not start in {_TRIES} tries")
