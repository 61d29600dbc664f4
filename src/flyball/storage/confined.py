"""``python -P -m flyball.storage.confined CONFINEMENT MODULE ARGUMENT…``: give up what CONFINEMENT does not leave, then become the module.

What the host granted stands in the environment variable `MEASURES` from then on, as JSON.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Sequence

from flyball.storage.isolation import Confinement, Measure, confine

MEASURES = "FLYBALL_MEASURES"
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONWARNINGS", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""All that a process of foreign code is told of our environment: no token, no address, no key."""


def command(wanted: Confinement, module: str, *arguments: str) -> Sequence[str]:
    """The command line that runs our `module` with nothing but what `wanted` leaves it."""
    return (sys.executable, "-P", "-m", "flyball.storage.confined", json.dumps(wanted.to_json()), module, *arguments)


def environment(scratch: str) -> dict[str, str]:
    """The environment for such a process; temporary files go to the directory `scratch`."""
    told = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    return {**told, **threads, "TMPDIR": scratch, "PYTHONDONTWRITEBYTECODE": "1", "JOBLIB_MULTIPROCESSING": "0"}


def measures() -> list[Measure]:
    """What was granted to this process; nothing where it was not started by `command`."""
    return [Measure(**found) for found in json.loads(os.environ.get(MEASURES, "[]"))]


def main() -> None:
    """Be confined, then become the module."""
    wanted, module, *arguments = sys.argv[1:]
    granted = confine(Confinement.from_json(json.loads(wanted)))
    os.environ[MEASURES] = json.dumps([measure.to_json() for measure in granted])
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
