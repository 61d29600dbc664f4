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
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import polars as pl
import pytest

from flyball.app.backtest import Request, run_backtest
from flyball.app.home import Home
from flyball.app.running import get_up
from flyball.app.stores import Stores
from flyball.cli.traffic import Send, Stretch, schedule
from flyball.client import ClientError
from flyball.core.canonical import canonical
from flyball.core.clock import WallClock
from flyball.core.events import Event
from flyball.core.ids import RandomIds
from flyball.data.model import KNOWN_TIME, PREDICTION_TIME, SYSTEM_COLUMNS
from flyball.data.prediction import prediction_rows
from flyball.loop.definition import datasets_of
from flyball.loop.projectfile import load_project
from flyball.serving.log import PredictionLog
from flyball.storage._localjournal import LocalJournal
from tests.live import COMMAND, Up, wait_for
from tests.parcels import write_parcels

START, END = "2024-02-20T00:00:00+00:00", "2024-03-19T00:00:00+00:00"
CLOCK = ("--clock", START, "--speed", "200000", "--hold")
MODEL = "model/late-parcel"
TOLD = ("timer", "reason", "kind", "version", "stage", "verdict", "start", "alarmed")
"""What an event says of a decision; figures may differ by a request that was asked twice because its answer was killed."""

ONCE = {
    "training.started", "training.finished", "version.registered", "rollout.stage-entered", "rollout.judged", "rollout.finished",
    "window.closed", "alert.raised", "timer.fired",
}  # fmt: skip

Story = dict[str, list[tuple[str, ...]]]


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
def trained(project: Path, marked: Callable[[str], list[int]]) -> Path:
    """A home that serves its first version. It was told to end in the middle of the training, and did; the next `up` went on with it."""
    home = project.parent / "trained"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLYBALL_TEST_MARK", str(home))
        up = Up.start(project, home, *CLOCK)
        wait_for(lambda: "training.started" in kinds(home) and bool(steps(up)), 60, told=f"a training; {up.told()[-2000:]}")
        begun = time.monotonic()  # noqa: TID251 - what is measured
        assert up.end() == 0
        assert time.monotonic() - begun < 10  # noqa: TID251 - likewise
        gone(marked, str(home), seconds=1)
        assert not {"training.finished", "training.failed", "command.failed"} & set(kinds(home))
        up = Up.start(project, home, *CLOCK)
        up.wait_serving()
        assert up.end() == 0
        gone(marked, str(home))
    return home


def kinds(home: Path) -> list[str]:
    return [event.type for event in events(home)] if (home / "flyball.db").exists() else []


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """What is started in the test has it in its environment."""
    monkeypatch.setenv("FLYBALL_TEST_MARK", str(tmp_path))
    return str(tmp_path)


@contextmanager
def stores(place: Path) -> Iterator[Stores]:
    found = Stores.open(place, clock=WallClock(), ids=RandomIds())
    try:
        yield found
    finally:
        found.close()


def events(place: Path) -> list[Event]:
    with stores(place) as found:
        return found.journal.log.list()


def story(place: Path) -> Story:
    """Per subject of the model, what was decided within the stretch, in order."""
    found: Story = {}
    until = datetime.fromisoformat(END).astimezone(UTC)
    for event in events(place):
        about_live_only = event.type.startswith("parity.") or event.type == "features.compiled"
        if event.subject.startswith(MODEL) and event.time < until and not about_live_only:
            at = "" if event.type == "loop.started" else event.time.isoformat()
            said = (f"{name}={event.data[name]}" for name in TOLD if name in event.data)
            found.setdefault(event.subject, []).append((at, event.type, *said))
    return found


def world(home: Path) -> Path:
    with Home.open(home) as found:
        return found.find_world("parcels/declared")


# -- processes


def children(pid: int, words: str) -> list[int]:
    """The living children of the process whose command line has the words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == pid and state not in {"Z", "X"} and words in (entry / "cmdline").read_text():
                    found.append(int(entry.name))
    return found


def steps(up: Up) -> list[int]:
    """The children in which steps run."""
    with suppress(KeyError, TypeError, FileNotFoundError, LookupError):
        return children(up.pid("control"), "flyball.pipelines.child")
    return []


class Killer:
    """Kills each process of an `up` so often, at moments drawn from a seed."""

    def __init__(self, up: Up, *, times: int, seed: int) -> None:
        self.up, self.killed = up, Counter[str]()
        self._left = Counter(dict.fromkeys(("control", "predict", "console", "step"), times))
        self._draw = np.random.default_rng(seed)
        self._step_at = 0.0

    def run(self, driver: subprocess.Popen[bytes]) -> None:
        """Return when all is done, or `driver` has ended."""
        while driver.poll() is None and +self._left:
            time.sleep(float(self._draw.uniform(0.05, 0.5)))
            for name in self._draw.permutation(sorted(+self._left)).tolist():
                if self._kill(name):
                    break

    def _kill(self, name: str) -> bool:
        pid = self._find(name)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.killed[name] += 1
            self._left[name] -= 1
        return True

    def _find(self, name: str) -> int | None:
        """Its process; None while it is down, or is not to be killed yet."""
        if name != "step":
            with suppress(KeyError, FileNotFoundError, LookupError):
                pid = get_up(self.up.home)["children"][name]["pid"]
                return None if pid is None else int(pid)
            return None
        now = time.monotonic()  # noqa: TID251 - a step that is killed three times fails, as it must; so they are spread
        found = steps(self.up)
        if not found or now - self._step_at < 4:
            return None
        self._step_at = now
        return found[0]


def replay(up: Up, *options: str) -> subprocess.Popen[bytes]:
    """`flyball replay` of the stretch, started."""
    figures = up.home.parent / "replay.json"
    command = [*COMMAND, "replay", str(up.project), "--home", str(up.home), "--from", START, "--to", END, "--json", str(figures)]
    with (up.home.parent / "replay.log").open("ab") as log:
        return subprocess.Popen([*command, "--rows-every", "12h", "--ahead", *options], stdout=log, stderr=log)


def gone(marked: Callable[[str], list[int]], mark: str, seconds: float = 10) -> None:
    wait_for(lambda: [pid for pid in marked(mark) if pid != os.getpid()] == [], seconds, told="nothing is left running")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_is_killed_the_replay_goes_on_and_decides_what_was_promised(
    project: Path, promised: Path, tmp_path: Path, mark: str, marked: Callable[[str], list[int]]
) -> None:
    home = tmp_path / "live"
    killed: Counter[str] = Counter()
    for life in range(3):
        up = Up.start(project, home, *CLOCK, console=True)
        up.wait_serving()
        driver = replay(up)
        killer = Killer(up, times=5 if life < 2 else 0, seed=life)
        killer.run(driver)
        killed += killer.killed
        if driver.poll() is None and life < 2:
            os.kill(up.process.pid, signal.SIGKILL)
            up.process.wait()
            assert driver.wait(150) != 0
            gone(marked, mark)
            continue
        assert driver.wait(200) == 0, (tmp_path / "replay.log").read_text()[-3000:] + up.told()[-3000:]
        break
    assert up.end() == 0
    gone(marked, mark)
    assert min(killed[name] for name in ("control", "predict", "console")) == 10
    assert killed["step"] >= 5
    live, wanted = story(home), story(world(promised))
    assert live.keys() == wanted.keys()
    for subject in wanted:
        assert live[subject] == wanted[subject], subject
    check_rows(home, promised, project)
    check_answers(home, promised, project, times=killed["predict"] + 1)
    check_jobs(home)


def check_rows(home: Path, promised: Path, project: Path) -> None:
    """Each row of the files that became known within the stretch is there once, known from the same moment on."""
    datasets = datasets_of(load_project(project).get("late-parcel"))
    with Home.open(home) as live, Home.open(promised) as files:
        for name, dataset in datasets.items():
            wanted = files.data.history(dataset).filter(pl.col(KNOWN_TIME) <= datetime.fromisoformat(END))
            found = live.data.history(dataset)
            columns = [column for column in wanted.columns if column not in SYSTEM_COLUMNS or column == KNOWN_TIME]
            assert found.select(columns).sort(dataset.key).equals(wanted.select(columns).sort(dataset.key)), name
            assert live.data.get_accepted(name).rows == found.height


def answers(home: Path) -> pl.DataFrame:
    """What the prediction log holds of the stretch, after all that waits in the journal was read."""
    with Home.open(home) as live:
        log = PredictionLog(LocalJournal.read(home / "journal" / "predictions"), live.tables, positions=live.stores.positions)
        log.drain()
        return log.read("late-parcel", datetime.fromisoformat(START), end=datetime.fromisoformat(END))


def check_answers(home: Path, promised: Path, project: Path, *, times: int) -> None:
    """Every row was predicted, and no answer is there twice; a request whose answer was killed was asked again, and is no other."""
    model = load_project(project).get("late-parcel")
    with Home.open(promised) as files:
        rows = prediction_rows(files.data.history(model.rows), key=model.rows.key, lead=model.length("lead"))
    within = pl.col(PREDICTION_TIME).is_between(datetime.fromisoformat(START), datetime.fromisoformat(END), closed="left")
    wanted = rows.filter(within).select(model.rows.key).to_series()
    found = answers(home)
    assert found["id"].is_unique().all()
    assert set(found["key"]) == set(wanted)
    assert len(found) - len(wanted) <= 2 * times


def check_jobs(home: Path) -> None:
    """Every command was carried out once: no job failed or waits, and each event of an outcome has a cause of its own."""
    with stores(home) as found:
        assert {job.state for job in found.jobs.list() if job.kind == "loop"} == {"succeeded"}
        runs = [run.status.value for run in found.runs.list("late-parcel")]
        outcomes = Counter((event.type, event.cause, event.data.get("at")) for event in found.journal.log.list() if event.type in ONCE)
    assert len(runs) == 4
    assert set(runs) == {"finished"}
    assert set(outcomes.values()) == {1}


# -- a canary whose code misbehaves where it is served

BAD = '''
import math
import os
import sys
import time

import numpy as np


class Fitted:
    """Good in every trial; where it is served, any but the first raises, answers nonsense and hangs by turns."""

    def __init__(self, given):
        weight = given.features["parcels.weight"].to_numpy()
        self.middle, self.turn = float(weight.mean()), float(np.sign(np.corrcoef(weight, given.label)[0, 1]))
        self.bad = given.prediction_times.max().isoformat() > "2024-02-21"
        self.calls = 0

    def predict_proba(self, frame):
        if self.bad and "flyball.serving.worker" in sys.orig_argv:
            self.calls += 1
            if self.calls % 4 == 1:
                raise RuntimeError("on purpose")
            if self.calls % 4 == 2:
                return np.full(frame.height, math.nan)
            if self.calls % 4 == 3:
                return "nonsense"
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
    found = answers(up.home)
    served = found.filter(pl.col("error").is_null())
    assert set(served["version"]) == {1}
    assert set(served["route"]) == {"champion", "fallback"}
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


def sends(up: Up, promised: Path, end: datetime) -> list[Send]:
    """What a replay up to `end` would send, in order."""
    project = load_project(up.project)
    with Home.open(promised) as files:
        histories = {name: files.data.history(dataset) for name, dataset in datasets_of(project.get("late-parcel")).items()}
    stretch = Stretch(datetime.fromisoformat(START), end, rows_every=timedelta(hours=12), ahead=True)
    return schedule(project, histories, stretch=stretch)


def ask(up: Up, body: bytes) -> tuple[int, Mapping[str, str], Any]:
    """The model server's answer: status, headers and JSON."""
    place = urlsplit(up.settings().serve_url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
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
    wanted = [event for event in events(world(promised)) if event.subject == f"{MODEL}/version/1" and event.type == "version.registered"]
    assert [event.type for event in first] == ["training.started", "training.finished", "version.registered"]
    assert first[-1].data["digest"] == wanted[0].data["digest"], "the interrupted training made the same model"

    holder = f"pid {up.process.pid}"
    for words in (("up", str(up.project), "--control-port", "0"), ("backtest", str(up.project))):
        code, told = refused(*words, "--home", str(up.home))
        assert code == 3
        assert "flyball up" in told
        assert holder in told

    push_in_disorder(up, promised)
    until = datetime.fromisoformat(START) + DAYS
    figures = up.replay(START, until.isoformat(), "--rows-every", "12h", "--ahead", seconds=150)  # sends all rows once more
    assert (figures["errors"], figures["quarantined"], figures["unanswered"]) == (0, 0, 0)
    found, known = windows(up.home, until), windows(world(promised), until)
    assert found == known
    assert {kind for kind, _, _ in found} >= {"window.closed", "window.matured"}
    never = sends(up, promised, until)[-1].at.isoformat()
    with up.client() as client:
        client.push_rows("arrivals", [{"parcel": "p004600", "arrived_at": never, "delay": 3.0}], visible=True)
    assert windows(up.home, until) == known, "what has been judged is not judged again because a label comes late"


def windows(place: Path, until: datetime) -> list[tuple[str, str, str]]:
    """What was told of the model's windows, with all figures."""
    found = [event for event in events(place) if event.type.startswith("window.") and event.time < until]
    return [(event.type, event.time.isoformat(), canonical(event.data)) for event in found]


def push_in_disorder(up: Up, promised: Path) -> None:
    """All rows of the days to come, the last first, some twice, labels wrong at first, and labels of rows that nobody knows."""
    days = sends(up, promised, datetime.fromisoformat(START) + DAYS)
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
    days = sends(up, promised, datetime.fromisoformat(START) + DAYS)
    bodies = [send.body for send in days if send.key is None]
    first: list[Any] = []
    wait_for(lambda: first.append(ask(up, bodies[0])) or first[-1][0] == 200, 20, told="the model server has taken the version up")
    answered = [one["id"] for one in first[-1][2]["predictions"]]
    answered += answered_while_stopped(up, bodies)
    answered += answered_until_full(up, bodies)
    rows_wait_for_room(up, days)
    with up.client() as client:
        wait_for(lambda: bool(client.get_prediction(answered[-1])), 10, told="the last answer")
        for found in answered:
            assert client.get_prediction(found)["prediction"]["id"] == found
    code, told = refused("trace", answered[0], "--home", str(up.home))
    assert (code, told) == (0, "")
    assert up.end() == 0
    assert sorted(answers(up.home)["id"]) == sorted(answered)


def answered_while_stopped(up: Up, bodies: Sequence[bytes]) -> list[str]:
    """The ids of what is answered in five seconds without a control plane, none of which takes long."""
    found, control = [], up.pid("control")
    os.kill(control, signal.SIGSTOP)
    try:
        until = time.monotonic() + 5  # noqa: TID251 - what the stop lasts
        for body in itertools.cycle(bodies):
            begun = time.monotonic()  # noqa: TID251 - what is measured
            if begun > until:
                break
            status, _, said = ask(up, body)
            assert status == 200, said
            assert time.monotonic() - begun < 1  # noqa: TID251 - likewise
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
