"""The shape rules of the code, as functions from source text to broken rules; no allow-list, so that the way out is to split.

    python tools/shape.py [FILE ...]     # every Python file of the repository without arguments; exit 1 when a rule is broken

Judged by structure alone: a function whose parameters are filled by name by a framework (a Typer command, a pytest test or
fixture) may have as many as it needs; all else keeps the limits. What ruff can see (docstrings, broad excepts) is left to ruff.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREES = ("src", "tests", "bench", "examples", "tools")
MODULE_LINES, BODY_LINES, METHODS, ARGUMENTS, POSITIONAL = 500, 50, 25, 6, 2
EMPTY_NAMES = frozenset({"util", "helper", "manager", "handler", "common", "misc"})  # and their plurals: they name no thing
LAZY_FACE = "src/flyball/__init__.py"  # the one face with code: it loads its words when they are used
SUPPRESSION = re.compile(r"#\s*(?:ruff:\s*)?(noqa|type: ignore)(.*)")
CODES_AND_REASON = re.compile(r"(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[a-z, -]+\])\s+\S.*")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Broken:
    """One rule broken at one place; prints as `path:line: sentence`."""

    path: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sentence}"


def broken_rules(path: str, source: str) -> list[Broken]:
    """Every shape rule that the module breaks, by line; `path` is relative to the repository, with slashes.

    Raises:
        SyntaxError: `source` is not Python.
    """
    tree = ast.parse(source)
    found = [*_whole(path, source), *_suppressions(path, source), *_definitions(path, tree, inside_class=False)]
    if path.endswith("/__init__.py") and path != LAZY_FACE:
        found += _face(path, tree)
    return sorted(found)


def _whole(path: str, source: str) -> Iterator[Broken]:
    lines = len(source.splitlines())
    if lines > MODULE_LINES:
        yield Broken(path, 1, f"the module has {lines} lines; at most {MODULE_LINES}")
    for name in path.removesuffix(".py").split("/"):
        if name.removesuffix("s") in EMPTY_NAMES:
            yield Broken(path, 1, f"{name!r} is not the noun of a thing")


def _suppressions(path: str, source: str) -> Iterator[Broken]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        match = SUPPRESSION.search(token.string) if token.type == tokenize.COMMENT else None
        if match and not CODES_AND_REASON.fullmatch(match[2]):
            yield Broken(path, token.start[0], f"`{match[1]}` needs its codes and, after them, a reason")


def _face(path: str, tree: ast.Module) -> Iterator[Broken]:
    for node in tree.body:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                continue
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
        yield Broken(path, node.lineno, "an __init__ re-exports and does nothing else")


def _definitions(path: str, tree: ast.AST, *, inside_class: bool) -> Iterator[Broken]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield from _function(path, node, method=inside_class)
        elif isinstance(node, ast.ClassDef):
            yield from _class(path, node)
        yield from _definitions(path, node, inside_class=isinstance(node, ast.ClassDef))


def _class(path: str, node: ast.ClassDef) -> Iterator[Broken]:
    methods = {child.name for child in node.body if isinstance(child, Function)}
    if len(methods) > METHODS:
        yield Broken(path, node.lineno, f"class {node.name} has {len(methods)} methods; at most {METHODS}")


def _function(path: str, node: Function, *, method: bool) -> Iterator[Broken]:
    lines = body_lines(node)
    if lines > BODY_LINES:
        yield Broken(path, node.lineno, f"{node.name} has a body of {lines} lines; at most {BODY_LINES}")
    if called_by_name(node):
        return
    positional = [*node.args.posonlyargs, *node.args.args]
    if method and "staticmethod" not in decorators(node):
        positional = positional[1:]
    every = len(positional) + len(node.args.kwonlyargs) + bool(node.args.vararg) + bool(node.args.kwarg)
    if every > ARGUMENTS:
        yield Broken(path, node.lineno, f"{node.name} takes {every} arguments; at most {ARGUMENTS}")
    if len(positional) > POSITIONAL and not protocol_method(node):
        yield Broken(path, node.lineno, f"{node.name} takes {len(positional)} arguments by place; keyword-only after {POSITIONAL}")


def body_lines(node: Function) -> int:
    """Lines from the first statement after the docstring to the last, blank ones with them."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def decorators(node: Function) -> set[str]:
    """The last names of the decorators: `@app.command()` gives "command"."""
    names = [ast.unparse(item.func if isinstance(item, ast.Call) else item) for item in node.decorator_list]
    return {name.rpartition(".")[2] for name in names}


def called_by_name(node: Function) -> bool:
    """Whether a framework fills the parameters by their names: Typer's commands, pytest's tests and fixtures."""
    return bool(decorators(node) & {"command", "callback", "fixture"}) or node.name.startswith("test_") or _is_command(node)


def _is_command(node: Function) -> bool:
    """Whether an argument says what Typer is to ask for; such a function may be added to a command line elsewhere."""
    given = [argument.annotation for argument in [*node.args.args, *node.args.kwonlyargs] if argument.annotation is not None]
    return any(ast.unparse(annotation).startswith("Annotated") and "typer." in ast.unparse(annotation) for annotation in given)


def protocol_method(node: Function) -> bool:
    """Whether the language fixed the parameters (`__exit__` and the like, but not a constructor), or ASGI: scope, receive, send."""
    if isinstance(node, ast.AsyncFunctionDef) and [argument.arg for argument in node.args.args][-3:] == ["scope", "receive", "send"]:
        return len(node.args.args) <= 4
    return node.name.startswith("__") and node.name.endswith("__") and node.name not in {"__init__", "__new__", "__call__"}


def modules(root: Path = ROOT) -> Iterator[Path]:
    """Every Python file under the trees, but for hidden directories."""
    for tree in TREES:
        for path in sorted((root / tree).rglob("*.py")):
            if not any(folder.startswith(".") for folder in path.relative_to(root).parts):
                yield path


def broken_in(paths: Iterable[Path], root: Path = ROOT) -> list[Broken]:
    """Every rule broken in the files, in their order."""
    return [broken for path in paths for broken in broken_rules(path.relative_to(root).as_posix(), path.read_text())]


def main() -> int:
    """Print what is broken; 1 if anything is."""
    found = broken_in([Path(name).resolve() for name in sys.argv[1:]] or modules())
    for broken in found:
        print(broken)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
