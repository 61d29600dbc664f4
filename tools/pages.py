"""Documents as tests: every command and every Python block of a page is run, in order, in one directory, as a reader would.

- ```` ```console ```` blocks: each line after ``$ `` is run by bash and must succeed. Lines below it are what it prints; "..." stands
  for anything. ``make TARGET`` is not run (some take minutes); the target must exist. ``EVENT`` stands for the last id printed.
- ```` ```python ```` blocks: run in one namespace for the page; with ``>>>`` they are doctests.
- Any other block is only text. There is no mark to leave a block out: what cannot run is not called python or console.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
EVENT_ID = re.compile(r"\b[a-z]+-[0-9a-hjkmnp-tv-z]{26}\b")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
LONGEST_SECONDS = 240


class PageError(Exception):
    """A page says what is not so; the sentence begins with its place."""


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is that of its first line of text in the page."""

    language: str
    text: str
    line: int


@dataclass
class Reader:
    """Somebody who follows one page by the letter: where they stand, what they have named, what they saw last."""

    page: str
    directory: Path
    targets: frozenset[str]
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "__page__"})
    seen: str = ""

    def follow(self, text: str) -> int:
        """Do all that the page says; returns how many commands and Python blocks that were.

        Raises:
            PageError: a command failed or printed something else, a block raised, or a make target does not exist.
        """
        done = 0
        for block in blocks(text):
            if block.language == "console":
                for line, command, expected in commands(block):
                    self._type(command, line=line, expected=expected)
                    done += 1
            elif block.language in {"python", "pycon", "py"}:
                with contextlib.chdir(self.directory):
                    self._run(block)
                done += 1
        return done

    def _type(self, command: str, *, line: int, expected: str) -> None:
        words = shlex.split(command, comments=True)
        if words[0] == "make":
            if unknown := {word for word in words[1:] if "=" not in word} - self.targets:
                raise PageError(f"{self.page}:{line}: make has no target {', '.join(sorted(unknown))}")
            return
        if "EVENT" in words:
            found = EVENT_ID.findall(self.seen)
            if not found:
                raise PageError(f"{self.page}:{line}: no command before printed the id of an event")
            command = re.sub(r"\bEVENT\b", found[-1], command)
        output = self._shell(command, line=line)
        if expected and not doctest.OutputChecker().check_output(expected, output, FLAGS):
            raise PageError(f"{self.page}:{line}: `{command}` printed\n{output}\nand not\n{expected}")
        self.seen = output

    def _shell(self, command: str, *, line: int) -> str:
        """The output of `command`; a `cd` in it lasts."""
        place = self.directory / ".reader-stands-in"
        script = f"{command}\nstatus=$?; pwd > {shlex.quote(str(place))}; exit $status"
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "160", "NO_COLOR": "1"}
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.directory, env=environment, timeout=LONGEST_SECONDS, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if done.returncode:
            raise PageError(f"{self.page}:{line}: `{command}` ended with {done.returncode}:\n{done.stdout}")
        self.directory = Path(place.read_text().strip())
        return done.stdout

    def _run(self, block: Block) -> None:
        if block.text.lstrip().startswith(">>>"):
            example = doctest.DocTestParser().get_doctest(block.text, self.names, self.page, self.page, block.line - 1)
            try:
                doctest.DebugRunner(optionflags=FLAGS).run(example, clear_globs=False)
            except doctest.DocTestFailure as failure:
                line = block.line + failure.example.lineno
                raise PageError(f"{self.page}:{line}: got {failure.got!r} and not {failure.example.want!r}") from failure
            except doctest.UnexpectedException as failure:
                line = block.line + failure.example.lineno
                raise PageError(f"{self.page}:{line}: {failure.exc_info[0].__name__}: {failure.exc_info[1]}") from failure.exc_info[1]
            self.names.update(example.globs)
            return
        try:
            exec(compile("\n" * (block.line - 1) + block.text, self.page, "exec"), self.names)  # noqa: S102  running the page is the point
        except Exception as error:
            raise PageError(f"{self.page}:{block.line}: the block raised {type(error).__name__}: {error}") from error


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page that name their language, in order."""
    return [
        Block(match["language"], textwrap.dedent(match["text"]), text.count("\n", 0, match.start("text")) + 1)
        for match in FENCE.finditer(text)
    ]


def commands(block: Block) -> Iterator[tuple[int, str, str]]:
    """(line, command, what it prints) of a console block; a command may go on after a backslash."""
    lines = block.text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        stop = start
        while lines[stop].endswith("\\"):
            stop += 1
        command = "\n".join([lines[start][2:], *lines[start + 1 : stop + 1]])
        yield block.line + start, command, "".join(f"{line}\n" for line in lines[stop + 1 : end] if line.strip())


def make_targets(makefile: Path) -> frozenset[str]:
    """The targets that a person may name."""
    return frozenset(TARGET.findall(makefile.read_text()))


def pages(root: Path) -> list[Path]:
    """Every page of the repository: at its root, under docs, and beside examples, benchmarks and tests."""
    return sorted([*root.glob("*.md"), *(page for tree in ("docs", "examples", "bench", "tests") for page in (root / tree).rglob("*.md"))])
