"""PyTorch's programs, exported or scripted: imported, loaded in a process of their own, and answering as where they were made.

Run by an environment that has PyTorch (`python -m tools.clients torch`); skipped, with the reason, where that was not made.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live import wait_for
from tests.serving import Served
from tests.stock import python_of, run_script

SIGNATURE = "age: double, visits: long"
CLASSES = f"{SIGNATURE} -> logits(stays, leaves)"


@dataclass(frozen=True)
class Programs:
    """A directory with the files, and what they say of the rows."""

    place: Path
    told: dict[str, Any]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [{"age": age, "visits": int(visits)} for age, visits in self.told["rows"]]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    place = tmp_path_factory.mktemp("programs")
    return Programs(place, json.loads(run_script("programs", str(place), client="torch").splitlines()[-1]))


def flyball(*words: str) -> Sequence[str]:
    return [str(python_of("torch")), "-m", "flyball", *words]


def imported(programs: Programs, file: str, *, name: str, signature: str = CLASSES) -> subprocess.CompletedProcess[str]:
    words = ["import", "model", str(programs.place / file), "--name", name, "--home", str(programs.place / "home"), "--run-code"]
    more = ["--signature", signature] if signature else []
    return subprocess.run(flyball(*words, *more), capture_output=True, text=True, timeout=300, check=False)


def test_programs_answer_as_they_did(programs: Programs) -> None:
    for file, name, signature in (
        ("net.pt2", "net", CLASSES),
        ("two.pt2", "two", CLASSES),
        ("net.pt", "scripted", CLASSES),
        ("apart.pt2", "apart", SIGNATURE),
    ):
        done = imported(programs, file, name=name, signature=signature)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "in a process of its own" in done.stdout
        assert "µs for a row alone" in done.stdout
    models = [f"models:/{name}/1" for name in ("net", "two", "scripted", "apart")]
    with Served.start(programs.place / "home", *models, python=python_of("torch")) as served:
        # Four processes import PyTorch one after the other; the server listens meanwhile.
        wait_for(lambda: all(served.ask(name, programs.rows).status == 200 for name in ("net", "apart")), 240, told=served.told())
        for name in ("net", "two", "scripted"):
            found = served.predict(name, programs.rows)["predictions"]
            assert [one["score"] for one in found] == pytest.approx([chances[1] for chances in programs.told["chances"]], abs=1e-6), name
            assert {one["prediction"] for one in found} <= {"stays", "leaves"}
        assert [one["prediction"] for one in served.predict("apart", programs.rows)["predictions"]] == programs.told["values"]
        assert served.ask("net", [{"age": "old", "visits": 1}]).status == 422
        refused = served.ask("apart", [{"age": 1.0, "visits": None}])
        assert (refused.status, "'visits'" in refused.message) == (422, True)


@pytest.mark.parametrize(
    ("file", "signature", "words"),
    [
        ("weights.pt", CLASSES, "torch.export.save"),
        ("net.pt2", "", "does not say what columns it takes"),
        ("apart.pt2", f"{SIGNATURE}, more: double", "takes 2 tensors, but its signature names 3 columns"),
    ],
    ids=["weights", "unsigned", "width"],
)
def test_what_is_no_program_or_says_too_little_is_said(programs: Programs, file: str, signature: str, words: str) -> None:
    done = imported(programs, file, name="other", signature=signature)
    assert done.returncode in {1, 2}
    assert words in done.stdout + done.stderr
