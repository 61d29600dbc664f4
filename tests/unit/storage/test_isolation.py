"""What a confined process can still do, and what is said where the host refuses to take it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from flyball.storage.confined import command, environment
from flyball.storage.isolation import Confinement, Linux, confine

PROBE = """
import json, os, socket, subprocess, sys
from flyball.storage.confined import measures

def tried(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"

outside, inside, scratch = sys.argv[1:]
print(json.dumps({
    "reads its input": tried(lambda: open(inside).read()),
    "reads another file": tried(lambda: open(outside).read()),
    "writes its directory": tried(lambda: open(scratch + "/made", "w").write("x")),
    "writes elsewhere": tried(lambda: open(outside + ".more", "w").write("x")),
    "starts a program": tried(lambda: subprocess.run([sys.executable, "-c", ""])),
    "calls somebody": tried(lambda: socket.create_connection(("127.0.0.1", 9), timeout=1)),
    "signals its parent": tried(lambda: os.kill(os.getppid(), 0)),
    "reads its parent's secrets": tried(lambda: open(f"/proc/{os.getppid()}/environ").read()),
    "measures": [[found.name, found.granted] for found in measures()],
    "environment": sorted(os.environ),
}))
"""


class Refusing:
    """A host that grants nothing."""

    def prctl(self, option: int, value: int) -> None:
        raise PermissionError(1, "Operation not permitted", str((option, value)))

    def unshare(self, flags: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(flags))

    def set_limit(self, kind: int, value: int) -> None:
        raise PermissionError(1, "Operation not permitted", str((kind, value)))

    def landlock_abi(self) -> int:
        raise OSError(38, "Function not implemented")

    def landlock(self, rights: Sequence[int], rules: Iterable[tuple[str, int]]) -> None:
        raise AssertionError((rights, rules))


def test_what_a_host_refuses_is_said_by_name_and_stops_nothing() -> None:
    found = confine(Confinement(), Refusing())
    assert not any(measure.granted for measure in found)
    told = {measure.name: measure.detail for measure in found}
    assert told["files"] == "Function not implemented"
    assert told["network"] == "Operation not permitted"
    assert told["processes"] == "not limited here"  # all processes of the user would count


def _landlock() -> bool:
    try:
        return Linux().landlock_abi() >= 6
    except OSError:
        return False


@pytest.fixture
def probe(tmp_path: Path) -> dict[str, object]:
    module = tmp_path / "readable"
    module.mkdir()
    (module / "probing.py").write_text(PROBE)
    outside, inside, scratch = tmp_path / "outside", tmp_path / "inside", tmp_path / "scratch"
    outside.write_text("secret")
    inside.write_text("model")
    scratch.mkdir()
    wanted = Confinement(readable=(str(inside), str(module)), writable=(str(scratch),))
    done = subprocess.run(
        command(wanted, "probing", str(outside), str(inside), str(scratch)), capture_output=True, text=True, check=False,
        env={**environment(str(scratch)), "PYTHONPATH": str(module)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not _landlock(), reason="this kernel has no Landlock that scopes signals")
def test_a_confined_process_reads_its_input_and_writes_its_directory_and_reaches_nothing_else(probe: dict[str, object]) -> None:
    assert (probe["reads its input"], probe["writes its directory"]) == ("done", "done")
    for deed in ("reads another file", "writes elsewhere", "starts a program", "signals its parent", "reads its parent's secrets"):
        assert probe[deed] == "PermissionError", deed
    assert probe["calls somebody"] != "done"


def test_a_confined_process_is_told_what_was_granted_and_nothing_of_our_environment(
    probe: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    measures = probe["measures"]
    assert isinstance(measures, list)
    assert {name for name, _ in measures} >= {"network", "files", "memory", "end with the parent"}
    monkeypatch.setenv("FLYBALL_TOKEN", "secret")
    assert "FLYBALL_TOKEN" not in environment("/nowhere")
    assert "secret" not in "".join(environment("/nowhere").values())


def test_memory_is_limited(tmp_path: Path) -> None:
    (tmp_path / "hungry.py").write_text("try:\n    bytearray(4 << 30)\nexcept MemoryError:\n    print('refused')\n")
    wanted = Confinement(readable=(str(tmp_path),), memory_bytes=1 << 30)
    made = {**environment(str(tmp_path)), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command(wanted, "hungry"), capture_output=True, text=True, check=True, env=made)
    assert done.stdout == "refused\n"


def test_what_is_wanted_survives_its_way_as_json() -> None:
    wanted = Confinement(readable=("/a",), writable=("/b",), cpu_seconds=3)
    assert Confinement.from_json(json.loads(json.dumps(wanted.to_json()))) == wanted
    assert sys.executable == command(wanted, "module")[0]
