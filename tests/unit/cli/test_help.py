"""The help of every command, word by word: what a stranger reads first does not change unseen.

After a change that is meant: ``python tests/unit/cli/test_help.py`` writes the file anew; read its difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from flyball.cli.main import app

GOLDEN = Path(__file__).with_name("help.txt")


def commands(command: Any, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of every command and every group, in the order of the help."""
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *words, name)


def said() -> str:
    """What all commands say for --help, in a terminal of 100 columns."""
    runner = CliRunner()
    pages = []
    for words in commands(typer.main.get_command(app)):
        result = runner.invoke(app, [*words, "--help"], prog_name="flyball", terminal_width=100, env={"COLUMNS": "100"})
        assert result.exit_code == 0
        pages.append(f"$ flyball {' '.join([*words, '--help'])}\n{result.output.strip()}\n")
    return "\n".join(pages)


def test_the_help_is_as_it_was_read_last() -> None:
    assert said() == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.write_text(said(), encoding="utf-8")
