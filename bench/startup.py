"""What a start costs over bare Python: `import flyball` and `flyball --help`, medians of interleaved runs, against their limits.

Run ``python bench/startup.py``; the exit code is 1 when a limit is passed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

ROUNDS = 9
BARE = "bare python"
COMMANDS: Mapping[str, Sequence[str]] = {
    BARE: (sys.executable, "-c", "pass"),
    "import flyball": (sys.executable, "-c", "import flyball"),
    "flyball --help": (sys.executable, "-m", "flyball", "--help"),
}
LIMITS_MILLISECONDS = {"import flyball": 60.0, "flyball --help": 250.0}


def milliseconds(command: Sequence[str]) -> float:
    """Wall time of one run of `command`, which must end well."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return (time.perf_counter() - start) * 1000


def medians(commands: Mapping[str, Sequence[str]], *, rounds: int) -> dict[str, float]:
    """The median of each command in milliseconds; rounds go through all commands, so that a busy moment hits all alike."""
    for command in commands.values():
        milliseconds(command)  # files into the cache, bytecode onto the disk
    runs = [{name: milliseconds(command) for name, command in commands.items()} for _ in range(rounds)]
    return {name: statistics.median(run[name] for run in runs) for name in commands}


def over_limit(found: Mapping[str, float]) -> list[str]:
    """The names whose cost over bare Python passes their limit."""
    return [name for name, limit in LIMITS_MILLISECONDS.items() if found[name] - found[BARE] > limit]


def main() -> int:
    """Measure, print one line for each, and say by the exit code whether all limits hold."""
    found = medians(COMMANDS, rounds=ROUNDS)
    print(f"{BARE:16} {found[BARE]:6.0f} ms  (median of {ROUNDS} interleaved runs)")
    slow = over_limit(found)
    for name, limit in LIMITS_MILLISECONDS.items():
        verdict = "TOO SLOW" if name in slow else "ok"
        print(f"{name:16} {found[name]:6.0f} ms  {found[name] - found[BARE]:+5.0f} ms over bare Python, limit {limit:.0f} ms: {verdict}")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
