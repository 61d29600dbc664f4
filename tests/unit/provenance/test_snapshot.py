"""What belongs to a project's source, and what never does."""

from __future__ import annotations

import io
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flyball.core.errors import IntegrityError, InvalidError, UnavailableError
from flyball.provenance import snapshot
from flyball.provenance.snapshot import pack, unpack
from tests.nobody import nobody


def _names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n")


def test_source_and_what_declares_the_environment_is_packed_and_nothing_else(tmp_path: Path) -> None:
    wanted = ["package/deep/module.py", "project.py", "pyproject.toml", "requirements-dev.txt", "requirements.txt", "setup.py"]
    _touch(tmp_path, *wanted)
    _touch(tmp_path, "data/rows.csv", "data/requirements.txt", ".flyball/x.py", ".venv/x.py", "__pycache__/x.py", "env/lib/x.py")
    _touch(tmp_path, "env/pyvenv.cfg", "node_modules/x.py", "notes.md", ".env", ".hidden.py", "model.pkl", "odd\nname.py")
    (tmp_path / "circle").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    assert _names(pack(tmp_path)) == wanted


def test_too_much_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(tmp_path, "a.py", "b.py")
    for limit, value in (("MAX_FILES", 1), ("MAX_BYTES", 8)):
        with monkeypatch.context() as small:
            small.setattr(snapshot, limit, value)
            with pytest.raises(InvalidError, match="directory of its own"):
                pack(tmp_path)


def test_a_snapshot_larger_than_allowed_is_not_unpacked(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.py", bytes(snapshot.MAX_BYTES + 1))
    with pytest.raises(IntegrityError, match="larger"):
        unpack(target.getvalue(), tmp_path / "new")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    _touch(tmp_path, "secret.py")
    (tmp_path / "secret.py").chmod(0)
    for above in (tmp_path, *tmp_path.parents):  # nobody may come here, to be refused at the file
        if above.stat().st_uid == os.geteuid():
            above.chmod(above.stat().st_mode | 0o055)
    with nobody(), pytest.raises(UnavailableError, match="secret"):
        pack(tmp_path)


def test_a_changed_directory_is_replaced_and_pycache_is_no_change(tmp_path: Path) -> None:
    _touch(tmp_path / "root", "project.py")
    data, place = pack(tmp_path / "root"), tmp_path / "new"
    unpack(data, place)
    _touch(place, "__pycache__/project.pyc")
    unpack(data, place)
    assert (place / "__pycache__").exists()
    for damage in (
        lambda: _touch(place, "more.py"),
        lambda: (place / "project.py").write_text("x"),
        (place / "project.py").unlink,
    ):
        damage()
        unpack(data, place)
        assert [file.name for file in place.iterdir()] == ["project.py"]
        assert (place / "project.py").read_text() == "# project.py\n"


def test_many_unpack_at_once(tmp_path: Path) -> None:
    _touch(tmp_path / "root", *(f"m{number}.py" for number in range(50)))
    data = pack(tmp_path / "root")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: unpack(data, tmp_path / "new"), range(16)))
    assert len(list((tmp_path / "new").iterdir())) == 50
    assert sorted(place.name for place in tmp_path.iterdir()) == ["new", "root"]


def test_no_snapshot_is_refused(tmp_path: Path) -> None:
    for data in (b"", b"PK", b"x" * 1000):
        with pytest.raises(IntegrityError, match="damaged"):
            unpack(data, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
