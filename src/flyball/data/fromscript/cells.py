"""The Python of a script or notebook, cell by cell; a notebook's outputs are passed over, and nothing is executed."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyball.data.fromscript.errors import ScriptError
from flyball.storage.errors import os_errors

MAX_BYTES, MAX_CODE = 64 << 20, 2 << 20
_MAGIC = re.compile(r"^(?P<space>\s*)(?P<name>[\w, ]+=\s*)?(?P<magic>[%!].*|\?\??[\w.]+|[\w.]+\?{1,2})$")
_OTHER_LANGUAGE = re.compile(r"\s*%%(bash|sh|script|html|javascript|js|latex|markdown|svg|R|perl|ruby|sql|writefile)\b")
_PYTHON_2 = re.compile(r"^\s*(print\s+[\"'\w(]|exec\s+[\"'\w]|raise\s+\w+\s*,|except\s+[\w.]+\s*,)", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """One piece of code. `number` counts from 1; `count` is when a notebook ran it; `tree` None says that it is no Python."""

    number: int
    text: str
    count: int | None
    magics: tuple[tuple[int, str], ...]
    tree: ast.Module | None


@dataclass(frozen=True)
class Script:
    """All cells of a file; a script is one cell."""

    path: Path
    cells: tuple[Cell, ...]
    notebook: bool

    def place(self, cell: Cell, line: int) -> str:
        """Where that is, as a person finds it."""
        return f"cell {cell.number}, line {line}" if self.notebook else f"line {line}"

    def trees(self) -> Iterator[tuple[Cell, ast.Module]]:
        """The cells that are Python, in the order in which they stand."""
        return ((cell, cell.tree) for cell in self.cells if cell.tree is not None)


def read_script(path: Path) -> Script:
    """The cells of the notebook or script.

    Raises:
        ScriptError: it is not there, too large, no notebook, of another language, or has no Python in it.
    """
    if not path.is_file():
        raise ScriptError(path.name, "it does not exist")
    with os_errors(path), path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ScriptError(path.name, f"it has more than {MAX_BYTES >> 20} MB; clear its outputs")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScriptError(path.name, "it is not UTF-8") from error
    sources = _sources(path.name, text) if path.suffix == ".ipynb" else [(text, None)]
    if sum(len(source) for source, _ in sources) > MAX_CODE:
        raise ScriptError(path.name, f"its code has more than {MAX_CODE >> 20} MB")
    cells = tuple(_cell(number, source, count=count) for number, (source, count) in enumerate(sources, 1) if source.strip())
    if not cells:
        raise ScriptError(path.name, "it has no code")
    if not any(cell.tree is not None for cell in cells):
        raise ScriptError(path.name, _no_python(cells[0].text))
    return Script(path, cells, path.suffix == ".ipynb")


def _sources(name: str, text: str) -> list[tuple[str, int | None]]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScriptError(name, "it is no notebook, for it is not JSON") from error
    cells = found.get("cells") if isinstance(found, dict) else None
    if not isinstance(cells, list):
        raise ScriptError(name, "it is no notebook of format 4, for it has no cells; open and save it in Jupyter")
    metadata = found.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    language = str(kernel.get("language") or "python") if isinstance(kernel, dict) else "python"
    if not language.lower().startswith(("python", "ipython")):
        raise ScriptError(name, f"its language is {language[:40]}")
    sources: list[tuple[str, int | None]] = []
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source, count = cell.get("source", ""), cell.get("execution_count")
            joined = "".join(map(str, source)) if isinstance(source, list) else str(source)
            sources.append((joined, count if isinstance(count, int) else None))
    if not sources:
        raise ScriptError(name, "it has no code cells")
    return sources


def _cell(number: int, text: str, *, count: int | None) -> Cell:
    if _OTHER_LANGUAGE.match(text):
        return Cell(number, text, count, ((1, text.strip().splitlines()[0]),), None)
    lines, magics = text.splitlines(), list[tuple[int, str]]()
    tree = _parse(text)
    if tree is None:  # a line that looks like a magic may be part of a string, so that Python is asked first
        for index, line in enumerate(lines):
            if found := _MAGIC.match(line):
                magics.append((index + 1, line.strip()))
                lines[index] = f"{found['space']}{found['name'] or ''}{'None' if found['name'] else 'pass'}"
        tree = _parse("\n".join(lines)) if magics else None
    return Cell(number, text, count, tuple(magics), tree)


def _parse(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a foreign text is warned of is not ours
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _no_python(text: str) -> str:
    if _PYTHON_2.search(text):
        return "it is Python 2; convert it first, for example with 2to3 of an older Python"
    try:
        ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno} is no Python ({error.msg})"
    except (ValueError, RecursionError, MemoryError):
        pass
    return "it is no Python that can be read"
