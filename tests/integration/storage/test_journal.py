"""A journal on a real file system: kill -9, other processes, full disks, damage, power cuts as far as files can show them."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from flyball.core.errors import HeldError, InvalidError, UnavailableError
from flyball.storage._localjournal import LocalJournal
from flyball.storage._segments import FRAME_LIMIT_BYTES, segment_path, segments
from flyball.storage.errors import EntryTooLargeError, JournalCorruptError

_WRITE = """
import sys
from pathlib import Path
from flyball.storage._localjournal import LocalJournal
journal = LocalJournal.write(Path(sys.argv[1]), segment_bytes=200_000)
last = journal.last
while True:
    payloads = [b"%d|" % number * (1 + number % 700) for number in range(last + 1, last + 1 + last % 4 + 1)]
    last = journal.append(*payloads)
    print(last, flush=True)
"""

_FOLLOW = """
import sys
from pathlib import Path
from flyball.storage._localjournal import LocalJournal
journal, position, wanted = LocalJournal.read(Path(sys.argv[1])), 0, int(sys.argv[2])
while position < wanted:
    for entry in journal.read_after(position, limit=7):
        assert entry.position == position + 1, (entry.position, position)
        assert entry.payload == b"%d|" % entry.position * (1 + entry.position % 700), entry.position
        position = entry.position
    journal.acknowledge(position)
print(position)
"""


def _payload(position: int) -> bytes:
    return b"%d|" % position * (1 + position % 700)


def _killed(place: Path, *, lines: int) -> int:
    """The last position that a writer told to have appended before it was killed in the middle of its next ones."""
    with subprocess.Popen([sys.executable, "-c", _WRITE, str(place)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(lines)]
        os.kill(child.pid, signal.SIGKILL)
        told += child.stdout.readlines()
        child.wait()
    return int([line for line in told if line.endswith("\n")][-1])


def test_kills_lose_nothing_that_was_returned_and_show_nothing_half(tmp_path: Path) -> None:
    with closing(LocalJournal.read(tmp_path / "j")) as reader:
        for lines in (1, 3, 90, 7, 250, 2, 31, 140, 1, 64, 300, 5):
            told = _killed(tmp_path / "j", lines=lines)
            entries = reader.read_after(0, limit=1_000_000)
            assert len(entries) >= told
            assert all(entry.payload == _payload(position) == _payload(entry.position) for position, entry in enumerate(entries, 1))
            assert reader.last == len(entries)
    assert len(segments(tmp_path / "j")) > 2


def test_a_reader_in_another_process_follows_a_writer_that_is_killed_and_restarted(tmp_path: Path) -> None:
    follower = subprocess.Popen([sys.executable, "-c", _FOLLOW, str(tmp_path / "j"), "600"], stdout=subprocess.PIPE, text=True)
    told = 0
    while told < 600:
        told = _killed(tmp_path / "j", lines=60)
    assert int(follower.communicate(timeout=60)[0]) >= 600
    assert segments(tmp_path / "j")[0] > 1, "what was acknowledged is deleted"


_NO_LARGER = """
import resource, sys
from pathlib import Path
from flyball.core.errors import UnavailableError
from flyball.storage._localjournal import LocalJournal
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
journal = LocalJournal.write(Path(sys.argv[1]))
refused = 0
for number in range(40):
    before = journal.last
    try:
        journal.append(b"%d " % number * 100, b"second")
    except UnavailableError as error:
        assert "File too large" in str(error), error
        assert journal.last == before
        assert [path.stat().st_size for path in Path(sys.argv[1]).glob("SEGMENT-*")] == sizes, "nothing is left behind"
        refused += 1
    sizes = [path.stat().st_size for path in Path(sys.argv[1]).glob("SEGMENT-*")]
    assert len(LocalJournal.read(Path(sys.argv[1])).read_after(0)) == journal.last
assert 0 < refused < 40, refused
small = journal.append(b"fits")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert journal.append(b"after") == small + 1
print(small)
"""


def test_a_file_that_may_not_grow_keeps_whole_entries_only(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _NO_LARGER, str(tmp_path / "j")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    entries = LocalJournal.read(tmp_path / "j").read_after(0)
    assert [entry.payload for entry in entries][-2:] == [b"fits", b"after"]
    assert entries[-2].position == int(done.stdout)


_FULL = """
import sys
from pathlib import Path
from flyball.storage._localjournal import LocalJournal
from flyball.storage.errors import DiskFullError
home = Path(sys.argv[1])
(home / "ballast").write_bytes(bytes(300_000))
journal, reader = LocalJournal.write(home / "j", segment_bytes=100_000), LocalJournal.read(home / "j")
refused = 0
for number in range(2000):
    before = journal.last
    try:
        journal.append(*[b"%d" % number * 500] * 3)
    except DiskFullError as error:
        assert "Disk full" in str(error) and journal.last == before, error
        refused += 1
assert refused > 10, refused
assert len(reader.read_after(0, limit=10_000)) == journal.last == reader.last
(home / "ballast").unlink()
last = journal.append(b"room again")
assert reader.read_after(last - 1)[0].payload == b"room again"
reader.acknowledge(last)
journal.close()
print("whole", LocalJournal.write(home / "j").last == last)
"""


def test_a_disk_that_is_really_full_is_told_and_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    mount = ["--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", str(tmp_path)]
    if unshare is None or subprocess.run([unshare, *mount], capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs a mount namespace, which this machine does not grant; the limited file above still ran")
    script = 'mount -t tmpfs -o size=2m none "$1" && exec "$2" -c "$3" "$1"'
    command = [unshare, "--mount", "--map-root-user", "sh", "-c", script, "sh", str(tmp_path), sys.executable, _FULL]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "whole True"), done.stderr


def _journal(place: Path, count: int = 5) -> Path:
    """A journal of `count` entries in one segment, which is returned."""
    with closing(LocalJournal.write(place)) as journal:
        for number in range(1, count + 1):
            journal.append(b"%d" % number * 20)
    return segment_path(place, 1)


@pytest.mark.parametrize(
    "tail", [b"\x00" * 100, b"\xff" * 100, b"\x08", bytes(number * 37 % 256 for number in range(50)), b"\x14\x00\x00\x00\x01\x00\x00\x00"]
)
def test_a_torn_tail_is_seen_by_nobody_and_cut_by_the_next_writer(tmp_path: Path, tail: bytes) -> None:
    segment = _journal(tmp_path / "j")
    whole = segment.read_bytes()
    segment.write_bytes(whole + tail)
    reader = LocalJournal.read(tmp_path / "j")
    assert (len(reader.read_after(0)), reader.last) == (5, 5)
    with closing(LocalJournal.write(tmp_path / "j")) as writer:
        assert segment.read_bytes() == whole
        assert writer.append(b"sixth") == 6
    assert reader.read_after(5)[0].payload == b"sixth"


def test_every_flipped_bit_of_the_last_entry_hides_it(tmp_path: Path) -> None:
    segment = _journal(tmp_path / "j")
    whole = segment.read_bytes()
    size = len(whole) // 5
    for bit in range(8 * size):
        damaged = bytearray(whole)
        damaged[-1 - bit // 8] ^= 1 << bit % 8
        segment.write_bytes(damaged)
        assert [entry.position for entry in LocalJournal.read(tmp_path / "j").read_after(0)] == [1, 2, 3, 4]


def test_damage_in_a_closed_segment_is_told_with_where_to_go_on(tmp_path: Path) -> None:
    with closing(LocalJournal.write(tmp_path, segment_bytes=500)) as writer:
        for number in range(1, 31):
            writer.append(b"%d" % number * 50)
    second, third = segments(tmp_path)[1:3]
    path = segment_path(tmp_path, second)
    damaged = bytearray(path.read_bytes())
    damaged[30] ^= 1
    path.write_bytes(damaged)
    reader = LocalJournal.read(tmp_path)
    with pytest.raises(JournalCorruptError, match=f"entries {second} to {third - 1}") as told:
        reader.read_after(0)
    assert [entry.position for entry in reader.read_after(told.value.resume)] == list(range(third, 31))
    reader.acknowledge(told.value.resume)
    assert reader.read_after(0)[0].position == third


def test_a_power_cut_that_takes_acknowledged_entries_does_not_give_their_positions_again(tmp_path: Path) -> None:
    segment = _journal(tmp_path / "j")
    LocalJournal.read(tmp_path / "j").acknowledge(4)
    segment.write_bytes(segment.read_bytes()[:40])
    with closing(LocalJournal.write(tmp_path / "j")) as writer:
        assert writer.append(b"next") == 5
    reader = LocalJournal.read(tmp_path / "j")
    assert [entry.position for entry in reader.read_after(0)] == [1, 5]


def test_a_lost_acknowledgement_is_at_least_what_was_deleted(tmp_path: Path) -> None:
    with closing(LocalJournal.write(tmp_path, segment_bytes=100)) as writer:
        for _ in range(10):
            writer.append(b"x" * 90)
        writer.acknowledge(7)
        (tmp_path / "acknowledged").write_bytes(b"\x00\x00")
        assert writer.acknowledged == 7
        (tmp_path / "acknowledged").unlink()
        assert writer.acknowledged == 7


def test_segments_that_somebody_deleted_by_hand_leave_the_positions(tmp_path: Path) -> None:
    segment = _journal(tmp_path / "j")
    LocalJournal.read(tmp_path / "j").acknowledge(5)
    segment.unlink()
    reader = LocalJournal.read(tmp_path / "j")
    assert (reader.last, reader.read_after(0)) == (5, [])
    with closing(LocalJournal.write(tmp_path / "j")) as writer:
        assert writer.append(b"next") == 6


def test_a_second_writer_is_told_who_has_it_and_a_dead_one_has_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", _WRITE, str(tmp_path / "j")], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    with pytest.raises(HeldError, match=f"pid {child.pid}"):
        LocalJournal.write(tmp_path / "j")
    child.kill()
    child.communicate()
    LocalJournal.write(tmp_path / "j").close()


def test_a_poll_does_not_reread_the_segment(tmp_path: Path) -> None:
    with closing(LocalJournal.write(tmp_path)) as writer:
        for _ in range(200):
            writer.append(b"x" * 20_000)
    reader = LocalJournal.read(tmp_path)
    assert len(reader.read_after(0)) == 200
    before = _read_bytes()
    for _ in range(100):
        assert reader.read_after(200) == []
    assert _read_bytes() - before < 100_000


def _read_bytes() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


def test_each_append_and_each_new_segment_is_on_the_disk_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def told(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", told)
    with closing(LocalJournal.write(tmp_path / "j", fsync="each", segment_bytes=100)) as writer:
        for number in range(3):
            writer.append(b"%d" % number * 50)
        segment = [segment_path(tmp_path, first).name for first in segments(tmp_path / "j")]
        assert synced == ["j", segment[0], "j", segment[1], "j", segment[2]]
    with closing(LocalJournal.write(tmp_path / "quick")) as writer:
        writer.append(b"x")
    assert len(synced) == 6
    assert len(LocalJournal.read(tmp_path / "j").read_after(0)) == 3


def test_a_reader_may_not_append_nor_a_closed_writer(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="opened for reading"):
        LocalJournal.read(tmp_path).append(b"x")
    writer = LocalJournal.write(tmp_path)
    writer.close()
    writer.close()
    with pytest.raises(UnavailableError):
        writer.append(b"x")


def test_more_than_a_frame_holds_is_refused(tmp_path: Path) -> None:
    half = bytes(FRAME_LIMIT_BYTES // 2)
    with closing(LocalJournal.write(tmp_path)) as writer:
        with pytest.raises(EntryTooLargeError, match="Append less") as told:
            writer.append(half, half)
        assert isinstance(told.value, InvalidError)
        assert (writer.append(b"fits"), writer.read_after(0)[0].payload) == (1, b"fits")


def test_a_place_that_is_a_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("not a directory")
    with pytest.raises(UnavailableError):
        LocalJournal.write(tmp_path / "j")


@pytest.mark.parametrize("may_open", [0, 1])
def test_an_interrupted_roll_leaves_the_open_segment_open(tmp_path: Path, may_open: int) -> None:
    with closing(LocalJournal.write(tmp_path, segment_bytes=300, fsync="each")) as writer:
        writer.append(b"x" * 250)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + may_open, hard))  # with one, the segment opens and its directory does not
        try:
            with pytest.raises(UnavailableError):
                writer.append(b"y" * 250)
            assert writer.append(b"small") == 2
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len(segments(tmp_path)) == 1
        assert writer.append(b"y" * 250) == 3
    assert [entry.payload[:1] for entry in LocalJournal.read(tmp_path).read_after(0)] == [b"x", b"s", b"y"]


def test_a_reader_is_never_torn_while_the_writer_runs(tmp_path: Path) -> None:
    with closing(LocalJournal.write(tmp_path, segment_bytes=50_000)) as writer:
        thread = threading.Thread(target=lambda: [writer.append(*[_payload(2 * n - 1), _payload(2 * n)]) for n in range(1, 400)])
        thread.start()
        reader, position = LocalJournal.read(tmp_path), 0
        while position < 798:
            for entry in reader.read_after(position, limit=5):
                assert (entry.position, entry.payload) == (position + 1, _payload(position + 1))
                position = entry.position
        thread.join()


def test_a_journal_needs_the_standard_library_only(repository: Path) -> None:
    command = [sys.executable, "-S", "-c", "import flyball.storage._localjournal"]  # -S: nothing that was installed is there
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(repository / "src")})
    assert done.returncode == 0, done.stderr
