"""The token's file: made once, whoever comes first, and refused when others could read it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flyball.governance import OwnerToken
from flyball.governance.errors import TokenDamagedError, TokenModeError
from flyball.storage.errors import StorageFailedError


def test_it_is_made_once_for_its_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert OwnerToken.find(tmp_path) is None
    made = OwnerToken.open(home)
    assert (home / "token").stat().st_mode & 0o777 == 0o600
    assert len(made.value) == 43
    again = OwnerToken.open(home)
    assert again.value == made.value
    assert again.matches(made.value)
    assert not again.matches(made.value[:-1])
    assert not again.matches("")
    assert not again.matches("é\ud800")
    assert made.value not in repr(made)
    assert [path.name for path in home.iterdir()] == ["token"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_file_that_others_can_read_is_refused_with_the_way_out(tmp_path: Path, mode: int) -> None:
    value = OwnerToken.open(tmp_path).value
    (tmp_path / "token").chmod(mode)
    with pytest.raises(TokenModeError, match=r"`chmod 600 .*token`") as caught:
        OwnerToken.open(tmp_path)
    assert value not in str(caught.value)


@pytest.mark.parametrize("content", ["", "short", "x" * 200, "two words that are long enough to be one token"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content)
    (tmp_path / "token").chmod(0o600)
    with pytest.raises(TokenDamagedError, match="Delete it"):
        OwnerToken.open(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    OwnerToken.open(tmp_path / "other")
    (tmp_path / "token").symlink_to(tmp_path / "other" / "token")
    with pytest.raises(StorageFailedError):
        OwnerToken.open(tmp_path)


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    code = "import sys, pathlib; from flyball.governance import OwnerToken; print(OwnerToken.open(pathlib.Path(sys.argv[1])).value)"
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = {process.communicate()[0].strip() for process in started}
    assert len(said) == 1
    assert said == {OwnerToken.open(tmp_path).value}


def test_the_room_stands_on_the_standard_library() -> None:
    code = (
        "import sys, flyball.governance\n"
        "print([n for n in ('sqlalchemy', 'deltalake', 'polars', 'numpy', 'fastapi', 'msgspec') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
