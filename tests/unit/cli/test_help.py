"""The help of every command, word by word: what a stranger reads first does not change unseen.

After a change that is meant: ``python tests/unit/cli/test_help.py`` writes the file anew; read its difference.
"""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from flyball.cli.main import app

GOLDEN = Path(__file__).with_name("help.txt")
COMMANDS = (
    "", "check", "init", "backtest", "up", "server", "replay", "accept", "reject", "why", "ls", "show", "env", "promote", "rollback", "trace",
)  # fmt: skip


def said() -> str:
    """What all commands say for --help, in a terminal of 100 columns."""
    runner = CliRunner()
    pages = []
    for command in COMMANDS:
        words = [command] if command else []
        result = runner.invoke(app, [*words, "--help"], prog_name="flyball", terminal_width=100, env={"COLUMNS": "100"})
        assert result.exit_code == 0
        pages.append(f"$ flyball {' '.join([*words, '--help'])}\n{result.output.strip()}\n")
    return "\n".join(pages)


def test_the_help_is_as_it_was_read_last() -> None:
    assert said() == GOLDEN.read_text(encoding="utf-8")


def test_every_command_is_covered() -> None:
    assert {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands} == set(COMMANDS) - {""}


if __name__ == "__main__":
    GOLDEN.write_text(said(), encoding="utf-8")
