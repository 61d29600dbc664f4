"""Real processes are measured as they are; limits are judged by the figures alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest

from flyball.core.clock import ManualTimer, MonotonicTimer, VirtualClock
from flyball.monitoring.usage import (
    GIGABYTE,
    MEGABYTE,
    ProcessSample,
    ResourceLimits,
    ResourceSample,
    ResourceSampler,
    check_resources,
)

NOW = datetime(2013, 12, 1, tzinfo=UTC)
BUSY = "import sys; kept = b'x' * (80 << 20); files = [open(sys.executable) for _ in range(9)]; print('up', flush=True)\nwhile True: pass"
IDLE = "import time; print('up', flush=True); time.sleep(600)"


@contextmanager
def child(code: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def sampler(place: Path) -> ResourceSampler:
    return ResourceSampler(place, clock=VirtualClock(NOW), timer=MonotonicTimer())


def test_what_processes_take_is_what_they_take(tmp_path: Path) -> None:
    with child(BUSY) as busy, child(IDLE) as idle:
        watch = sampler(tmp_path)
        first = watch.sample({"busy": busy.pid, "idle": idle.pid})
        sleep(0.5)
        second = watch.sample({"busy": busy.pid, "idle": idle.pid})
    assert [process.cpu_percent for process in first.processes] == [None, None]
    hot, cold = second.processes
    assert hot.cpu_percent is not None
    assert cold.cpu_percent is not None
    assert 10 < hot.cpu_percent < 150  # the machine may be busy with others
    assert cold.cpu_percent < 10
    assert 80 * MEGABYTE < hot.memory_bytes < 120 * MEGABYTE
    assert cold.memory_bytes < 30 * MEGABYTE
    assert hot.open_files is not None
    assert cold.open_files is not None
    assert hot.open_files - cold.open_files == 9
    assert (hot.name, hot.pid, hot.threads, hot.memory_kind) == ("busy", busy.pid, 1, "pss")
    assert second.memory_bytes == hot.memory_bytes + cold.memory_bytes
    assert (second.time, watch.series) == (NOW, (first, second))
    assert second.to_json()["processes"][0]["name"] == "busy"


def test_a_process_that_ended_is_gone_and_its_successor_begins_anew(tmp_path: Path) -> None:
    watch = sampler(tmp_path)
    with child(IDLE) as process:
        assert watch.sample({"server": process.pid}).gone == ()
        process.kill()
        sleep(0.1)  # a zombie until it is waited for
        assert watch.sample({"server": process.pid}).gone == ("server",)
    assert watch.sample({"server": process.pid}).gone == ("server",)
    found = watch.sample({"server": os.getpid()})
    assert found.processes[0].cpu_percent is None
    assert found.processes[0].pid == os.getpid()


def test_the_home_is_measured_now_and_then(tmp_path: Path) -> None:
    timer = ManualTimer()
    watch = ResourceSampler(tmp_path, clock=VirtualClock(NOW), timer=timer)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/rows").write_bytes(b"x" * 1000)
    (tmp_path / "link").symlink_to(sys.executable)
    found = watch.sample({})
    assert found.home_bytes == 1000
    assert 0 < found.free_bytes <= found.disk_bytes
    (tmp_path / "more").write_bytes(b"x" * 500)
    assert watch.sample({}).home_bytes == 1000
    timer.sleep(30)
    assert watch.sample({}).home_bytes == 1500


def test_the_series_is_bounded(tmp_path: Path) -> None:
    watch = ResourceSampler(tmp_path, clock=VirtualClock(NOW), timer=ManualTimer(), kept=3)
    found = [watch.sample({}) for _ in range(5)]
    assert watch.series == tuple(found[2:])


@pytest.mark.parametrize(
    ("free", "disk", "alarmed"),
    [
        (2 * GIGABYTE, 30 * GIGABYTE, False), (GIGABYTE - 1, 2 * GIGABYTE, True), (4 * GIGABYTE, 100 * GIGABYTE, True),
        (5 * GIGABYTE, 100 * GIGABYTE, False), (0, 0, True),
    ],
)  # fmt: skip
def test_too_little_disk_is_an_alert(free: int, disk: int, *, alarmed: bool) -> None:
    sample = ResourceSample(NOW, 0.0, (), (), 300 * MEGABYTE, free, disk)
    found = check_resources(sample)
    assert [alert.what for alert in found] == ["disk"] * alarmed
    assert all("the home takes 300 MiB" in alert.text for alert in found)


def test_too_much_memory_is_an_alert() -> None:
    process = ProcessSample("modelserver", 7, 12.0, 3 * GIGABYTE, "pss", 4, 20)
    sample = ResourceSample(NOW, 0.0, (process, replace(process, name="console", memory_bytes=5)), (), 0, 50 * GIGABYTE, 100 * GIGABYTE)
    assert check_resources(sample) == ()
    (alert,) = check_resources(sample, limits=ResourceLimits(memory_bytes=GIGABYTE))
    assert alert.what == "modelserver"
    assert alert.text == "modelserver (pid 7) takes 3.0 GiB of memory; up to 1.0 GiB is usual."
