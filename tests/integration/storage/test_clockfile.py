"""One clock, several processes: a reader sees whole states only, and a writer killed in the middle harms nobody."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flyball.storage.clockfile import SharedClock

START = datetime(2013, 12, 1, tzinfo=UTC)

_WRITER = """
import sys
from datetime import timedelta
from pathlib import Path
from flyball.storage.clockfile import SharedClock
clock = SharedClock.open(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    clock.set_limit("driver", clock.now() + timedelta(seconds=1))
    with clock.paused():
        pass
"""


def test_readers_and_killed_writers(tmp_path: Path) -> None:
    clock = SharedClock.create(tmp_path / "clock", epoch=START, speed=1_000)
    seen = [clock.now()]
    for _ in range(5):
        writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(clock.path)], stdout=subprocess.PIPE) for _ in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
        seen += [clock.now() for _ in range(20_000)]
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert seen == sorted(seen)
    clock.reset_pauses()
    clock.set_limit("driver", None)
    assert SharedClock.open(clock.path).now() - clock.now() < timedelta(hours=1)
    assert not clock.standing
    clock.advance_to(START + timedelta(days=300))
    assert SharedClock.open(clock.path).now() >= START + timedelta(days=300)
