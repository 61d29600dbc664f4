"""A journal reads as the plain list of what was appended, wherever a crash cut the last segment."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flyball.storage._localjournal import LocalJournal
from flyball.storage._segments import segment_path, segments

_payloads = st.binary(max_size=60)
_appends = st.lists(st.lists(_payloads, min_size=1, max_size=4), max_size=8)


@given(_appends, st.integers(60, 300), st.integers(0, 40), st.integers(1, 9))
def test_it_reads_as_a_list(appends: list[list[bytes]], segment_bytes: int, start: int, limit: int) -> None:
    plain = [payload for append in appends for payload in append]
    with tempfile.TemporaryDirectory() as name:
        reader = LocalJournal.read(Path(name))
        for append in appends:
            with closing(LocalJournal.write(Path(name), segment_bytes=segment_bytes)) as writer:
                writer.append(*append)
            assert [entry.payload for entry in reader.read_after(start, limit)] == plain[: writer.last][start : start + limit]
        assert reader.last == len(plain)


@given(_appends.filter(bool), st.integers(60, 300), st.data())
def test_a_cut_leaves_whole_appends_and_the_next_writer_goes_on(
    appends: list[list[bytes]], segment_bytes: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with closing(LocalJournal.write(place, segment_bytes=segment_bytes)) as writer:
            ends = [writer.append(*append) for append in appends]
        path = segment_path(place, segments(place)[-1])
        content = path.read_bytes()
        path.write_bytes(content[: data.draw(st.integers(0, len(content)), label="cut")] + data.draw(st.binary(max_size=30), label="noise"))
        plain = [payload for append in appends for payload in append]
        with closing(LocalJournal.write(place, segment_bytes=segment_bytes)) as writer:
            left = writer.last
            assert left in (0, *ends)
            writer.append(b"next", b"two")
        found = LocalJournal.read(place).read_after(0)
        assert [entry.payload for entry in found] == [*plain[:left], b"next", b"two"]
        assert [entry.position for entry in found] == list(range(1, left + 3))
