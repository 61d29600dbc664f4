"""Every page is followed to the letter: its commands are typed, its Python is run, its links are there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flyball.testing.registry_home import open_registry_home
from tools.pages import Reader, make_targets, pages

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def customers(directory: Path) -> None:
    """A CSV as somebody's own: 12,000 customers over a year, of whom those with few visits tend to leave."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    lines = ["customer,signed_up,plan,visits,churned"]
    for number in range(12_000):
        visits, luck = number * 7919 % 20, number * 104729 % 8
        signed_up = start + number * timedelta(minutes=43)
        lines.append(f"customer {number},{signed_up.isoformat()},{'abc'[number % 3]},{visits},{int(visits + luck < 12)}")
    (directory / "customers.csv").write_text("\n".join(lines) + "\n")


def registered(directory: Path) -> None:
    """A home with a registered version."""
    with open_registry_home(directory / ".flyball") as home:
        home.version("churn")


PREPARED: dict[str, Callable[[Path], None]] = {  # what a page says that its reader has
    "docs/howto/profile.md": customers,
    "docs/howto/query.md": customers,
    "docs/howto/from-a-notebook.md": customers,
    "docs/howto/verify.md": registered,
    "docs/tutorials/live.md": customers,
    "docs/tutorials/your-own-csv.md": customers,
}


@pytest.fixture(scope="module")
def two_months(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The flights of one airport from January to March: small enough to be backtested by a page."""
    data = tmp_path_factory.mktemp("flights") / "data"
    prepare = repository / "examples/flights/prepare.py"
    subprocess.run([sys.executable, prepare, "--airport", "JFK", "--months", "1-3", "--into", data], check=True, capture_output=True)
    return data


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `flyball up` listens: not where that of somebody else on this machine does."""
    with ExitStack() as held:
        for name in ("CONTROL", "SERVE", "CONSOLE"):
            made = held.enter_context(socket.socket())
            made.bind(("127.0.0.1", 0))
            monkeypatch.setenv(f"FLYBALL_{name}_PORT", str(made.getsockname()[1]))


@pytest.fixture
def ended(tmp_path: Path) -> Iterator[None]:
    """What a page starts and does not come to end is ended."""
    yield
    for running in tmp_path.rglob("run/up.json"):
        with suppress(ProcessLookupError):
            os.kill(json.loads(running.read_text())["pid"], signal.SIGTERM)


@pytest.fixture
def checkout(tmp_path: Path, repository: Path, two_months: Path) -> Path:
    """What a reader has before them: the examples with little data, and the environment that make install left."""
    shutil.copytree(repository / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("data", ".*", "__pycache__"))
    shutil.copytree(two_months, tmp_path / "examples/flights/data")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.mark.usefixtures("ports", "ended")
@pytest.mark.parametrize("page", [page.relative_to(ROOT).as_posix() for page in pages(ROOT)])
def test_page_does_what_it_says(page: str, repository: Path, checkout: Path) -> None:
    if page in PREPARED:
        PREPARED[page](checkout)
    Reader(page, checkout, make_targets(repository / "Makefile")).follow((repository / page).read_text())


@pytest.mark.parametrize("page", [page.relative_to(ROOT).as_posix() for page in pages(ROOT)])
def test_links_of_page_are_there(page: str, repository: Path) -> None:
    text = (repository / page).read_text()
    assert [link for link in LINK.findall(text) if not (repository / page).parent.joinpath(link).exists()] == []


def test_the_readme_says_something_that_is_run(repository: Path, checkout: Path) -> None:
    done = Reader("README.md", checkout, make_targets(repository / "Makefile")).follow((repository / "README.md").read_text())
    assert done >= 3
