"""What was packed is what is unpacked, byte for byte, and nothing leaves the directory."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.core.errors import IntegrityError
from flyball.provenance.snapshot import pack, unpack

words = st.text("abcdefgh", min_size=1, max_size=6)
files = st.dictionaries(st.lists(words, min_size=1, max_size=3).map(tuple), st.binary(max_size=200), max_size=8)


def _write(root: Path, tree: dict[tuple[str, ...], bytes]) -> dict[str, bytes]:
    for path, content in tree.items():
        place = root.joinpath(*path).with_suffix(".py")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return _tree(root)


def _tree(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()}


@given(files)
def test_what_goes_in_comes_out(tree: dict[tuple[str, ...], bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        root, other = Path(place, "one"), Path(place, "two")
        root.mkdir()
        other.mkdir()
        wanted = _write(root, tree)
        _write(other, dict(reversed(tree.items())))
        (other / "data.csv").write_text("never packed")
        (other / ".hidden").mkdir()
        (other / ".hidden" / "x.py").write_text("never packed")
        data = pack(root)
        assert pack(other) == data
        unpack(data, Path(place, "new"))
        unpack(data, Path(place, "new"))
        assert _tree(Path(place, "new")) == wanted
        assert sorted(found.name for found in Path(place).iterdir()) == ["new", "one", "two"]


@given(files, st.data())
def test_a_damaged_snapshot_is_refused_or_gives_the_same(tree: dict[tuple[str, ...], bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "one")
        root.mkdir()
        wanted = _write(root, tree)
        whole = bytearray(pack(root))
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        try:
            unpack(bytes(whole), Path(place, "new"))
        except IntegrityError:
            assert not Path(place, "new").exists()
        else:
            assert sorted(_tree(Path(place, "new")).values()) == sorted(wanted.values()), "a changed date or name at most"
        assert {found.name for found in Path(place).iterdir()} <= {"new", "one"}


@given(
    st.sampled_from(
        ("/etc/x.py", "../x.py", "a/../../x.py", "a/./x.py", "a//x.py", "", ".", "..", "a/", "..\\x.py", "c:\\x.py\0", "./x.py"),
    )
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        entry = zipfile.ZipInfo("fine.py")
        entry.filename = name
        archive.writestr(entry, b"")
    with tempfile.TemporaryDirectory() as place:
        with pytest.raises(IntegrityError):
            unpack(target.getvalue(), Path(place, "new"))
        assert list(Path(place).iterdir()) == []
