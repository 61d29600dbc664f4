"""The live loop against faults: whatever is killed, stopped or filled up, nothing is lost, doubled or decided twice."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest

from flyball.app.backtest import Request, run_backtest
from flyball.app.home import Home
from flyball.cli.traffic import Send, schedule
from flyball.cli.traffic import Stretch as Traffic
from flyball.client import ClientError
from flyball.core.events import Event
from flyball.loop.definition import datasets_of
from flyball.loop.projectfile import load_project
from tests.aftermath import SUBJECT, Aftermath, Stretch, answers, events, kinds, windows, world
from tests.killing import PROCESSES, Killer, steps
from tests.live import COMMAND, Up, wait_for
from tests.parcels import write_parcels

START, END = "2024-02-20T00:00:00+00:00", "2024-03-19T00:00:00+00:00"
CLOCK = ("--clock", START, "--speed", "200000", "--hold")
STRETCH = Stretch(START, END)
Marked = Callable[[str], list[int]]


class Silent:
    """A progress that is told and says nothing."""

    def moved(self, phase: str, share: float, *, text: str) -> None:
        del phase, share, text


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parcels project, with a model that alarms, is refused twice and released within the stretch."""
    return write_parcels(tmp_path_factory.mktemp("faults") / "parcels")


@pytest.fixture(scope="module")
def promised(project: Path) -> Path:
    """The home of the stretch's backtest."""
    home = project.parent / "promised"
    run_backtest(Request(project, policies=("declared",), start=START, home=home), Silent())
    return home


@pytest.fixture(scope="module")
def trained(project: Path, marked: Marked) -> Path:
    """A home that serves its first version. It was told to end in the middle of the training, and did; the next `up` went on with it."""
    home = project.parent / "trained"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLYBALL_TEST_MARK", str(home))
        up = Up.start(project, home, *CLOCK)
        wait_for(lambda: "training.started" in kinds(home) and bool(steps(up)), 60, told=f"a training; {up.told()[-2000:]}")
        assert up.end() == 0
        assert marked(str(home)) == []
        assert not {"training.finished", "training.failed", "command.failed"} & set(kinds(home))
        up = Up.start(project, home, *CLOCK)
        up.wait_serving()
        assert up.end() == 0
        check_gone(marked, str(home))
    return home


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, marked: Marked) -> Iterator[str]:
    """What is started in the test has it in its environment, and ends with the test."""
    monkeypatch.setenv("FLYBALL_TEST_MARK", str(tmp_path))
    yield str(tmp_path)
    for pid in marked(str(tmp_path)):
        os.kill(pid, signal.SIGKILL)


def start_replay(up: Up) -> subprocess.Popen[bytes]:
    """`flyball replay` of the stretch, started."""
    figures = up.home.parent / "replay.json"
    command = [*COMMAND, "replay", str(up.project), "--home", str(up.home), "--from", START, "--to", END, "--json", str(figures)]
    with (up.home.parent / "replay.log").open("ab") as log:
        return subprocess.Popen([*command, "--rows-every", "12h", "--ahead"], stdout=log, stderr=log)


def check_gone(marked: Marked, mark: str) -> None:
    """Nothing that was started with the mark runs."""
    wait_for(lambda: marked(mark) == [], 60, told="nothing is left running")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_is_killed_the_replay_goes_on_and_decides_what_was_promised(
    project: Path, promised: Path, tmp_path: Path, mark: str, marked: Marked
) -> None:
    """Each process is killed ten times, and once the supervisor, with whom all ends; the next `up` and replay go on."""
    killed, times = Counter[str](), 5
    home = tmp_path / "live"
    for life in range(2):
        up = Up.start(project, home, *CLOCK, console=True)
        up.wait_serving()
        driver = start_replay(up)
        killer = Killer(up, times=times, seed=life)
        killer.run(driver)
        killed += killer.killed
        if life == 0:
            os.kill(up.process.pid, signal.SIGKILL)
            up.process.wait()
            driver.wait(150)
        else:
            assert driver.wait(200) == 0, (tmp_path / "replay.log").read_text()[-3000:] + up.told()[-3000:]
            assert up.end() == 0
        check_gone(marked, mark)
    assert [killed[name] for name in PROCESSES] == [2 * times] * len(PROCESSES)
    assert killed["step"] >= times
    after = Aftermath.of(home, promised, project=project, stretch=STRETCH)
    after.check_decisions()
    after.check_rows()
    after.check_answers(times=killed["predict"] + 1)
    after.check_jobs()


# -- a canary whose code misbehaves where it is served

BAD = '''
import math
import os
import sys
import time

import numpy as np


class Fitted:
    """Good in every trial, and at a server's first question; then any but the first raises, answers nonsense and hangs."""

    def __init__(self, given):
        weight = given.features["parcels.weight"].to_numpy()
        self.middle, self.turn = float(weight.mean()), float(np.sign(np.corrcoef(weight, given.label)[0, 1]))
        self.bad = given.prediction_times.max().isoformat() > "2024-02-21"
        self.calls = 0

    def predict_proba(self, frame):
        if self.bad and "flyball.serving.worker" in sys.orig_argv:
            self.calls += 1
            if self.calls % 4 == 2:
                raise RuntimeError("on purpose")
            if self.calls % 4 == 3:
                return np.full(frame.height, math.nan)
            if self.calls % 4 == 0:
                return "nonsense"
            if self.calls > 1:
                time.sleep(3600)
        return 1 / (1 + np.exp(-self.turn * (frame["parcels.weight"].to_numpy() - self.middle)))


def fit(given):
    return Fitted(given)


late = fb.Model('''


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_canary_whose_code_misbehaves_is_rolled_back_by_the_guardrail_and_its_rows_are_answered(tmp_path: Path) -> None:
    project = write_parcels(tmp_path / "parcels")
    text = project.read_text(encoding="utf-8")
    for old, new in (
        ("late = fb.Model(", BAD),
        ('train=fb.search(metric="roc_auc", trials=2)', 'train=fit,\n    metric="roc_auc"'),
        ('fb.canary([0.2, 1.0], hold="1d")', 'fb.canary([0.3, 1.0], hold="5d")'),
        ('[fb.on_drift(), fb.on_performance_drop(0.05), fb.every("60d")]', '[fb.every("3d")]'),
        ('cool_down="7d"', 'cool_down="3d"'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    project.write_text(text, encoding="utf-8")
    up = Up.start(project, tmp_path / "live", *CLOCK)
    try:
        up.wait_serving()
        figures = up.replay(START, "2024-02-29T12:00:00+00:00", "--rows-every", "12h", "--ahead", seconds=150)
    finally:
        assert up.end() == 0
    assert (figures["errors"], figures["unanswered"]) == (0, 0)
    check_rolled_back(events(up.home))
    found = answers(up.home, STRETCH)
    served = found.filter(pl.col("error").is_null())
    assert set(served.filter(pl.col("route").is_in(["champion", "fallback"]))["version"]) == {1}
    assert set(served["route"]) - {"canary"} == {"champion", "fallback"}
    failed = found.filter(pl.col("error").is_not_null())
    assert set(failed["version"]) == {2, 3}
    for words in ("on purpose", "NaN", "no array of numbers", "did not answer within"):
        assert failed["error"].str.contains(words).any(), words


def check_rolled_back(log: Sequence[Event]) -> None:
    """The breach led to the end of the rollout, that to an alert, and the loop went on."""
    breached = next(event for event in log if event.type == "guardrail.breached")
    back = next(event for event in log if event.type == "rollout.rolled-back")
    entered = next(event for event in log if event.type == "rollout.stage-entered")
    alert = next(event for event in log if event.type == "alert.raised" and event.data["kind"] == "rollout")
    assert breached.data["version"] == back.data["version"] == 2
    assert (back.cause, alert.cause) == (breached.id, back.id)
    assert entered.time < breached.time <= back.time < entered.time + timedelta(days=2)
    assert not [event for event in log if event.type == "rollout.judged"]
    assert [event for event in log if event.time > back.time and event.type == "window.closed"]
    assert len([event for event in log if event.type == "training.started"]) > 2


# -- what is sent by hand


DAYS = timedelta(days=10, hours=12)  # to the first window that is judged, and the training that follows


@pytest.fixture
def up(project: Path, trained: Path, tmp_path: Path) -> Iterator[Up]:
    """A copy of the trained home, which serves; time stands."""
    home = tmp_path / "live"
    shutil.copytree(trained, home)
    up = Up.start(project, home, *CLOCK)
    try:
        up.wait_serving()
        yield up
    finally:
        assert up.end() == 0, up.told()[-3000:]


def sends(up: Up, promised: Path) -> list[Send]:
    """What a replay of the first days would send, in order."""
    project = load_project(up.project)
    with Home.open(promised) as files:
        histories = {name: files.data.history(dataset) for name, dataset in datasets_of(project.get("late-parcel")).items()}
    stretch = Traffic(STRETCH.begun, STRETCH.begun + DAYS, rows_every=timedelta(hours=12), ahead=True)
    return schedule(project, histories, stretch=stretch)


def ask(up: Up, body: bytes) -> tuple[int, Mapping[str, str], Any]:
    """The model server's answer: status, headers and JSON."""
    place = urlsplit(up.settings().serve_url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {up.token()}", "Content-Type": "application/json"}
        connection.request("POST", "/predict/late-parcel", body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(answer.read())
    finally:
        connection.close()


def refused(*words: str) -> tuple[int, str]:
    """Exit code and standard error of a command that cannot be."""
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_home_has_one_owner_and_rows_count_once_however_they_come(up: Up, trained: Path, promised: Path) -> None:
    first = [event for event in events(trained) if event.type in {"training.started", "training.finished", "version.registered"}]
    wanted = [event for event in events(world(promised)) if event.subject == f"{SUBJECT}/version/1" and event.type == "version.registered"]
    assert [event.type for event in first] == ["training.started", "training.finished", "version.registered"]
    assert first[-1].data["digest"] == wanted[0].data["digest"], "the interrupted training made the same model"

    holder = f"pid {up.process.pid}"
    for words in (("up", str(up.project), "--control-port", "0"), ("backtest", str(up.project))):
        code, told = refused(*words, "--home", str(up.home))
        assert code == 3
        assert "flyball up" in told
        assert holder in told

    push_in_disorder(up, promised)
    until = STRETCH.begun + DAYS
    figures = up.replay(START, until.isoformat(), "--rows-every", "12h", "--ahead", seconds=150)  # sends all rows once more
    assert (figures["errors"], figures["quarantined"], figures["unanswered"]) == (0, 0, 0)
    found, known = windows(up.home, until), windows(world(promised), until)
    assert found == known
    assert {kind for kind, _, _ in found} >= {"window.closed", "window.matured"}
    never = sends(up, promised)[-1].at.isoformat()
    with up.client() as client:
        client.push_rows("arrivals", [{"parcel": "p004600", "arrived_at": never, "delay": 3.0}], visible=True)
    assert windows(up.home, until) == known, "what has been judged is not judged again because a label comes late"


def push_in_disorder(up: Up, promised: Path) -> None:
    """All rows of the days to come, the last first, some twice, labels wrong at first, and labels of rows that nobody knows."""
    days = sends(up, promised)
    pushes = [(send.name, json.loads(send.body)["rows"]) for send in days if send.key is not None]
    with up.client() as client:
        for name, rows in reversed(pushes):
            if name == "arrivals":
                wrong = [{**row, "delay": 20.0 - row["delay"]} for row in rows]
                assert client.push_rows(name, wrong)["accepted"] == len(rows)
                unknown = [{**row, "parcel": f"nobody-{row['parcel']}"} for row in rows]
                assert client.push_rows(name, unknown)["accepted"] == len(rows)
        for number, (name, rows) in enumerate(reversed(pushes)):
            key = f"again-{number}"
            said = [client.push_rows(name, rows[::-1], key=key)["duplicate"] for _ in range(2)]
            assert said == [False, True]
            client.push_rows(name, rows[: len(rows) // 2])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_answers_go_on_while_the_control_plane_is_stopped_and_none_is_given_that_cannot_be_kept(up: Up, promised: Path) -> None:
    days = sends(up, promised)
    bodies = [send.body for send in days if send.key is None]
    answered: list[str] = []
    wait_for(lambda: answers_one(up, bodies[0], into=answered), 60, told="the model server has taken the version up")
    answered += answered_while_stopped(up, bodies)
    answered += answered_until_full(up, bodies)
    rows_wait_for_room(up, days)
    with up.client() as client:
        wait_for(lambda: bool(client.get_prediction(answered[-1])), 60, told="the last answer")
        for found in answered:
            assert client.get_prediction(found)["prediction"]["id"] == found
    code, told = refused("trace", answered[0], "--home", str(up.home))
    assert (code, told) == (0, "")
    assert up.end() == 0
    assert sorted(answers(up.home, STRETCH)["id"]) == sorted(answered)


def answers_one(up: Up, body: bytes, *, into: list[str]) -> bool:
    """Whether the request is answered; the answer's id is added."""
    status, _, said = ask(up, body)
    into += [one["id"] for one in said.get("predictions", ())]
    return status == 200


def answered_while_stopped(up: Up, bodies: Sequence[bytes]) -> list[str]:
    """The ids of what is answered in five seconds without a control plane."""
    found, control = [], up.pid("control")
    os.kill(control, signal.SIGSTOP)
    try:
        until = time.monotonic() + 5  # noqa: TID251 - what the stop lasts
        for body in itertools.cycle(bodies):
            if time.monotonic() > until:  # noqa: TID251 - likewise
                break
            status, _, said = ask(up, body)
            assert status == 200, said
            found += [one["id"] for one in said["predictions"]]
            time.sleep(0.02)
    finally:
        os.kill(control, signal.SIGCONT)
    assert up.pid("control") == control
    return found


def answered_until_full(up: Up, bodies: Sequence[bytes]) -> list[str]:
    """The ids of what is answered until the journal's file can grow no more, and after it can again."""
    found, pid = [], up.pid("predict")
    size = max(path.stat().st_size for path in (up.home / "journal" / "predictions").glob("*.log"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 20_000, resource.RLIM_INFINITY))
    try:
        refusals = 0
        for body in itertools.islice(itertools.cycle(bodies), 200):
            status, headers, said = ask(up, body)
            if status == 200:
                found += [one["id"] for one in said["predictions"]]
            else:
                assert (status, int(headers["retry-after"]) > 0) == (503, True), said
                refusals += 1
        assert refusals > 10
        assert found
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    status, _, said = ask(up, bodies[0])
    assert status == 200
    assert up.pid("predict") == pid
    return [*found, *(one["id"] for one in said["predictions"])]


def rows_wait_for_room(up: Up, days: Sequence[Send]) -> None:
    """Rows that cannot be kept are refused for now, and are there once when they were sent again."""
    push = next(send for send in days if send.name == "parcels" and send.key is not None)
    rows, pid = json.loads(push.body)["rows"], up.pid("control")
    with up.client() as client:
        before = next(found for found in client.list_datasets() if found["name"] == "parcels")["rows"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        try:
            for key, part in (("full", rows), ("kept", rows[:1])):
                with pytest.raises(ClientError) as caught:
                    client.push_rows("parcels", part, key=key, visible=True)
                assert caught.value.status == 503
            time.sleep(3)  # while everything that the loop does in the background finds no room
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert client.push_rows("parcels", rows[:1], key="kept", visible=True)["duplicate"], "it was kept, though nobody could see it"
        assert client.push_rows("parcels", rows, key="full", visible=True)["accepted"] == len(rows)
        assert client.push_rows("parcels", rows, key="full", visible=True)["duplicate"]
        after = next(found for found in client.list_datasets() if found["name"] == "parcels")["rows"]
    assert after - before == len(rows)
    assert up.pid("control") == pid
