"""The laws of `OpenSource`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from flyball.core.errors import FlyballError
from flyball.data.declared.source import Source
from flyball.data.errors import SourceChangedError
from flyball.data.model import SourceFile
from flyball.data.sources.port import OpenSource, Seen, Surroundings
from flyball.testing.suite import Suite

Rows = Sequence[Mapping[str, str | None]]

_ROWS: Rows = [
    {"id": "a1", "at": "2013-01-01T00:00:00Z", "text": "plain"},
    {"id": "a2", "at": "2013-01-01T00:00:01Z", "text": None},
    {"id": "a3", "at": "2013-01-01T00:00:02Z", "text": 'comma, "quote"; tab\t, line\nend, é €'},
]
_NEVER = Seen()
_LATER: Rows = [{"id": f"b{number}", "at": f"2013-01-02T00:{number:02}:00Z", "text": str(number)} for number in range(40)]


class OpenSourceSuite(Suite):
    """What lies in a source comes out once per part, whole or not at all, and reading leaves no trace."""

    @abstractmethod
    def declare(self, place: Path) -> Source:
        """The source whose rows `add` puts into the directory `place`; it need not exist before the first `add`."""

    @abstractmethod
    def open(self, source: Source, surroundings: Surroundings) -> OpenSource:
        """The source to read, as the application opens it."""

    @abstractmethod
    def add(self, place: Path, rows: Rows) -> None:
        """Put rows of the columns id, at and text, new ones each time, behind those that are there."""

    @abstractmethod
    def change(self, place: Path) -> None:
        """Make something else of the rows that lie there, as a careless writer would."""

    def environment(self, place: Path) -> Mapping[str, str]:
        """The environment variables that the source asks for; their values must stand in no error and no name."""
        del place
        return {}

    def _open(self, tmp_path: Path) -> OpenSource:
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        surroundings = Surroundings(root=tmp_path, scratch=scratch, environment=self.environment(tmp_path))
        return self.open(self.declare(tmp_path), surroundings)

    def _rows(self, source: OpenSource, part: SourceFile) -> list[dict[str, str | None]]:
        frames = list(source.read(part))
        assert frames, "a part has at least one frame"
        assert all(frame.schema == frames[0].schema for frame in frames), "all frames of a part have the same columns"
        text = pl.concat(frames).select("id", pl.col("at"), "text")
        return [{name: None if cell is None else str(cell) for name, cell in row.items()} for row in text.iter_rows(named=True)]

    def _all(self, tmp_path: Path, seen: Seen = _NEVER) -> list[dict[str, str | None]]:
        with self._open(tmp_path) as source:
            parts = [part for part in source.find(seen) if part.digest not in seen.digests]
            rows = [row for part in parts for row in self._rows(source, part)]
            source.check_unchanged()
            return rows

    def _without_times(self, rows: Rows) -> list[tuple[str | None, str | None]]:
        return [(row["id"], row["text"]) for row in rows]

    def test_rows_come_out_as_they_were_put_in_and_in_order(self, tmp_path: Path) -> None:
        self.add(tmp_path, _ROWS)
        self.add(tmp_path, _LATER)
        assert self._without_times(self._all(tmp_path)) == self._without_times([*_ROWS, *_LATER])

    def test_reading_twice_gives_the_same_parts_and_rows(self, tmp_path: Path) -> None:
        self.add(tmp_path, _ROWS)
        with self._open(tmp_path) as one, self._open(tmp_path) as other:
            parts, again = one.find(Seen()), other.find(Seen())
            assert [part.digest for part in parts] == [part.digest for part in again]
            for mine, others in zip(parts, again, strict=True):
                assert self._rows(one, mine) == self._rows(other, others)

    def test_parts_are_named_apart_and_sized(self, tmp_path: Path) -> None:
        self.add(tmp_path, _ROWS)
        self.add(tmp_path, _LATER)
        with self._open(tmp_path) as source:
            parts = source.find(Seen())
        assert len({part.name for part in parts}) == len(parts) > 0
        assert all(part.size_bytes > 0 and len(part.digest) == 64 for part in parts)

    def test_what_was_seen_is_left_out_or_known_by_its_digest(self, tmp_path: Path) -> None:
        self.add(tmp_path, _ROWS)
        seen = self._seen(tmp_path, Seen())
        assert self._all(tmp_path, seen) == []

    def test_what_came_since_is_in_parts_that_were_not_seen(self, tmp_path: Path) -> None:
        self.add(tmp_path, _ROWS)
        seen = self._seen(tmp_path, Seen())
        self.add(tmp_path, _LATER)
        came = self._without_times(self._all(tmp_path, seen))
        assert [row for row in came if row in self._without_times(_LATER)] == self._without_times(_LATER)
        seen = self._seen(tmp_path, seen)
        assert self._all(tmp_path, seen) == []

    def _seen(self, tmp_path: Path, before: Seen) -> Seen:
        """What a version would hold after a pull of everything."""
        with self._open(tmp_path) as source:
            parts = source.find(before)
            for part in parts:
                list(source.read(part))
            source.check_unchanged()
            source.acknowledge()
            source.acknowledge()
        positions = [part.position for part in parts if part.position is not None]
        return Seen(digests=before.digests | {part.digest for part in parts}, position=positions[-1] if positions else before.position)

    def test_a_pull_that_was_never_recorded_loses_nothing(self, tmp_path: Path) -> None:
        self.add(tmp_path, _ROWS)
        first = self._all(tmp_path)
        with self._open(tmp_path) as source:
            for part in source.find(Seen()):
                next(iter(source.read(part)))
        assert self._all(tmp_path) == first

    def test_what_changes_while_it_is_read_is_said_or_has_no_say(self, tmp_path: Path) -> None:
        self.add(tmp_path, _ROWS)
        for moment in ("before reading", "after reading"):
            before = self._all(tmp_path)
            with self._open(tmp_path) as source:
                try:
                    parts = source.find(Seen())
                    if moment == "before reading":
                        self.change(tmp_path)
                    rows = [row for part in parts for row in self._rows(source, part)]
                    if moment == "after reading":
                        self.change(tmp_path)
                    source.check_unchanged()
                except SourceChangedError:
                    continue
            assert rows == before, "what was found is what was read"

    def test_a_place_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FlyballError) as caught, self._open(tmp_path) as source:
            source.find(Seen())
        self._check_secrets(tmp_path, str(caught.value))
        assert self.declare(tmp_path).describe().rsplit("/", 1)[-1] in str(caught.value)

    def test_no_name_holds_a_secret(self, tmp_path: Path) -> None:
        self.add(tmp_path, _ROWS)
        with self._open(tmp_path) as source:
            parts = source.find(Seen())
        self._check_secrets(tmp_path, repr(parts) + self.declare(tmp_path).describe() + repr(self.declare(tmp_path)))

    def _check_secrets(self, tmp_path: Path, text: str) -> None:
        for name, secret in self.environment(tmp_path).items():
            assert secret not in text, f"the value of {name} is told"

    def test_nothing_is_left_behind_however_it_ends(self, tmp_path: Path) -> None:
        self.add(tmp_path, _LATER)
        source = self._open(tmp_path)
        parts = source.find(Seen())
        frames = source.read(parts[0])
        next(frames)
        source.close()
        source.close()
        assert list((tmp_path / "scratch").iterdir()) == []
        self._all(tmp_path)
        assert list((tmp_path / "scratch").iterdir()) == []

    def test_equal_declarations_are_equal_values(self, tmp_path: Path) -> None:
        assert self.declare(tmp_path) == self.declare(tmp_path)
        assert hash(self.declare(tmp_path)) == hash(self.declare(tmp_path))
