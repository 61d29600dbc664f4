"""`env`, `promote`, `rollback` and `trace`: through the control plane that runs a home, and in a home that nobody runs."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flyball.app.location import LOCK
from flyball.app.settings import UP, Settings, write_json
from flyball.cli.main import app
from flyball.governance import OwnerToken
from flyball.loop.trace import describe
from flyball.storage.clockfile import RUN
from flyball.storage.homelock import HomeLock
from flyball.testing.controlplane import StillPlane
from flyball.testing.doors import open_door
from flyball.testing.livehome import DAY, opened_live_home

Call = Callable[..., Result]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    for name in ("FLYBALL_HOME", "FLYBALL_URL", "FLYBALL_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("USER", "ada")
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words], prog_name="flyball")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two released versions and a canary, and a prediction of the champion."""
    with opened_live_home(tmp_path / "home") as opened:
        opened.released("a")
        opened.clock.advance_to(opened.clock.now() + DAY)
        opened.released("b", None)
        opened.released("c")
        opened.clock.advance_to(opened.clock.now() + DAY)
        opened.answered("prd-1", version=2)
    return tmp_path / "home"


@contextmanager
def up(home: Path, plane: StillPlane) -> Iterator[None]:
    """As if `flyball up` ran the home: its lock is held, its files are there, and its control plane answers."""
    token = OwnerToken.open(home)
    with HomeLock.acquire(home / LOCK, "flyball up project.py"), open_door(plane, token=token.value) as url:
        Settings(project=home / "project.py", home=home, control_port=int(url.rpartition(":")[2])).save()
        write_json(home / RUN / UP, {"pid": os.getpid()})
        yield


def events(home: Path) -> list[tuple[str, str, str]]:
    with opened_live_home(home) as opened:
        return [(event.type, event.actor, describe(event)) for event in opened.stores.journal.log.list()]


def test_in_a_home_that_nobody_runs_it_is_done_and_told_there(home: Path, call: Call) -> None:
    done = call("promote", "late", "--why", "best", "--home", home)
    assert (done.exit_code, done.stdout) == (0, "Endpoint 'late': version 3 is champion.\n")
    assert ("promotion.asked", "user:ada", "user:ada asked to promote version 3: best") in events(home)
    back = call("rollback", "late", "--json", "--home", home)
    assert json.loads(back.stdout)["champion"] == 2
    assert call("promote", "late", "--version", 1, "--yes", "--home", home).stdout == "Endpoint 'late': version 1 is champion.\n"
    assert [kind for kind, actor, _ in events(home) if actor == "user:ada"].count("promotion.asked") == 2


def test_a_prediction_is_traced_in_words_and_as_json(home: Path, call: Call) -> None:
    told = call("trace", "prd-1", "--home", home)
    assert told.exit_code == 0
    for words in (
        "prd-1  endpoint late  2013-03-03 00:00",
        "version 2 (champion) answered in 2.0 ms: score 0.25",
        "carrier  UA",
        "flights.carrier  UA   from the request",
        "sky.temp         1.5  of 2013-03-02 23:30",
        "30m old",
        "version 2 of late, validated: roc_auc 0.7000 [0.6900, 0.7100]",
        "because of drift on 4321 rows of flights@3",
        "code git:abc",
        "gate at_least('roc_auc', 0.6) passed:",
        "rollout: full since 2013-03-02 00:00",
        "2013-03-02 00:00  version 2 is champion\n                    rollout.finished  evt-",
        "model/late/rollout/2  by system",
        "because training began because of: drift",
    ):
        assert words in told.stdout
    found = json.loads(call("trace", "prd-1", "--json", "--home", home).stdout)
    assert found["causes"][-1]["type"] == "training.started"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["promote", "lat"], 4, "Nothing is deployed at endpoint 'lat' in 'production'; endpoints: late."),
        (["promote", "late", "--version", "9"], 4, "has no version 9; versions: 1\N{EN DASH}3."),
        (["promote", "late", "--version", "2"], 7, "version 2 is the champion already"),
        (["promote", "late", "--version", "1"], 7, "is rolling out version 3"),
        (["rollback", "lat"], 4, "endpoints: late"),
        (["trace", "prd-9"], 4, "There is no prediction 'prd-9' in this home."),
        (["env"], 4, "No `flyball up` runs in the home"),
    ],
)
def test_a_refusal_has_its_sentence_and_code_and_changes_nothing(
    home: Path, call: Call, words: list[str], code: int, sentence: str
) -> None:
    before = events(home)
    done = call(*words, "--home", home)
    assert (done.exit_code, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert events(home) == before


@pytest.mark.parametrize(("said", "code", "champion"), [("n\n", 7, 2), ("\n", 7, 2), ("y\n", 0, 3)])
def test_on_a_terminal_a_promotion_asks_first(home: Path, said: str, code: int, champion: int) -> None:
    terminal, slave = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "flyball", "promote", "late", "--home", home], stdin=slave, stderr=subprocess.PIPE, text=True
        ) as process:
            os.write(terminal, said.encode())
            assert process.stderr is not None
            told = process.stderr.read()
            assert process.wait(60) == code
    finally:
        os.close(terminal)
        os.close(slave)
    assert told.startswith("Make the canary the champion of endpoint 'late', for all its rows? [y/N]")
    assert ("Nothing was changed." in told) is (code != 0)
    with opened_live_home(home) as opened:
        assert opened.releases.get().champion == champion


def test_where_it_runs_the_control_plane_is_asked(home: Path, call: Call) -> None:
    plane = StillPlane()
    with up(home, plane):
        assert call("promote", "late", "--version", 2, "--why", "best", "--home", home).exit_code == 0
        assert call("rollback", "late", "--home", home).exit_code == 0
        assert json.loads(call("trace", "prd-1", "--json", "--home", home).stdout) == {"prediction": {"id": "prd-1"}}
        missing = call("trace", "prd-9", "--home", home)
        assert (missing.exit_code, missing.stderr) == (4, "flyball: There is no prediction 'prd-9' here.\n")
    assert [(deed[0], deed[2], deed[3].actor, deed[3].why) for deed in plane.deeds] == [
        ("promote", 2, "user:ada", "best"), ("rollback", None, "user:ada", ""),
    ]  # fmt: skip


def test_env_s_lines_are_for_a_shell_and_lead_there_from_anywhere(
    home: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = StillPlane()
    with up(home, plane):
        told = call("env", "--home", home)
        assert told.exit_code == 0
        lines = [shlex.split(line) for line in told.stdout.splitlines()]
        assert {line[0] for line in lines} == {"export"}
        assert re.fullmatch(r"console: http://127\.0\.0\.1:\d+/login\?code=\S+ \(good once\)\n", told.stderr)
        found = dict(line[1].split("=", 1) for line in lines)
        url, token = Settings.load(home).control_url, (home / "token").read_text().strip()
        assert found == {"FLYBALL_URL": url, "FLYBALL_TOKEN": token, "MLFLOW_TRACKING_URI": url, "MLFLOW_TRACKING_TOKEN": token}
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        for name, value in found.items():
            monkeypatch.setenv(name, value)
        assert call("rollback", "late").exit_code == 0
        monkeypatch.setenv("FLYBALL_TOKEN", "wrong")
        refused = call("rollback", "late")
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
        assert "owner's token" in refused.stderr
    assert [deed[0] for deed in plane.deeds] == ["rollback"]
    gone = call("rollback", "late")
    assert gone.exit_code == 5
    assert "FLYBALL_URL" in gone.stderr


def test_a_home_that_something_else_has_is_not_touched(home: Path, call: Call) -> None:
    with HomeLock.acquire(home / LOCK, "flyball backtest project.py"):
        for words in (["promote", "late"], ["rollback", "late"], ["trace", "prd-1"]):
            done = call(*words, "--home", home)
            assert done.exit_code == 3
            assert "flyball backtest project.py (pid" in done.stderr


def test_a_file_of_a_supervisor_that_died_deceives_nobody(home: Path, call: Call) -> None:
    Settings(project=home / "project.py", home=home, control_port=9).save()
    write_json(home / RUN / UP, {"pid": 2**22 + 1})
    assert call("rollback", "late", "--home", home).exit_code == 0
    assert call("env", "--home", home).exit_code == 4


def test_a_token_that_others_can_read_is_not_used(home: Path, call: Call) -> None:
    with up(home, StillPlane()):
        (home / "token").chmod(0o644)
        done = call("env", "--home", home)
        assert done.exit_code == 7
        assert "chmod 600" in done.stderr
        assert (home / "token").read_text().strip() not in done.output


def test_asking_a_server_loads_neither_frames_nor_sql() -> None:
    code = "import sys, flyball.cli.remote; print(sorted({'polars', 'numpy', 'sqlalchemy', 'deltalake'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
