"""A module counts by its own source and by that of every own module it imports, found by reading and not by running it.

Comments, blank lines and layout do not count: the syntax tree does. What stands under ``if TYPE_CHECKING`` never runs and does
not count either. Modules of installed distributions count by distribution and version.
"""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Iterator
from functools import cache
from importlib import util
from pathlib import Path

from flyball.core.canonical import digest, digest_bytes
from flyball.core.ids import Digest
from flyball.provenance.distributions import OWN, is_own, version_of
from flyball.provenance.errors import ModuleSourceError

_PARSING = threading.Lock()
"""Python 3.11 counts the depth of a tree once for all threads: two that parse at once end in a SystemError (CPython issue 106905)."""


@cache
def source_file(module: str) -> Path | None:
    """The .py file of `module`, without running it; None for what has none: unknown names, namespaces, compiled code."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded:
        return Path(loaded) if loaded.endswith(".py") else None
    top, *rest = module.split(".")
    try:
        spec = util.find_spec(top)
    except (ValueError, ImportError):
        return None
    if spec is None or (not rest and not spec.has_location):
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for location in spec.submodule_search_locations or ():
        base = Path(location).joinpath(*rest)
        for file in (base / "__init__.py", base.with_suffix(".py")):
            if file.is_file():
                return file
    return None


class _Imports(ast.NodeVisitor):
    """Collects the absolute names of the modules that a tree may import, names that turn out to be no module among them."""

    def __init__(self, package: str) -> None:
        self.package, self.names = package, set[str]()

    def visit_If(self, node: ast.If) -> None:
        test = node.test
        guarded = isinstance(test, ast.Name | ast.Attribute) and ast.unparse(test).endswith("TYPE_CHECKING")
        for child in node.orelse if guarded else ast.iter_child_nodes(node):
            self.visit(child)

    def visit_Import(self, node: ast.Import) -> None:
        self.names.update(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            try:
                base = util.resolve_name("." * node.level + base, self.package)
            except ImportError:
                return
        self.names.add(base)
        self.names.update(f"{base}.{alias.name}" for alias in node.names)


@cache
def _read(file: Path, module: str) -> tuple[Digest, frozenset[str]]:
    with _PARSING:
        tree = ast.parse(file.read_bytes())
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    imports = _Imports(package)
    imports.visit(tree)
    return digest_bytes(ast.dump(tree).encode()), frozenset(imports.names)


def _ancestors(module: str) -> Iterator[str]:
    # Our own packages hold no code but re-exports: their faces would tie every fingerprint to every public name.
    parts = module.split(".")
    if parts[0] != OWN:
        yield from (".".join(parts[:count]) for count in range(1, len(parts)))


def _close(module: str) -> tuple[dict[str, Digest], set[str]]:
    own: dict[str, Digest] = {}
    foreign: set[str] = set()
    waiting = [module, *_ancestors(module)]
    while waiting:
        name = waiting.pop()
        file = source_file(name)
        if name in own:
            continue
        if not is_own(name, str(file) if file else None):
            foreign.add(version_of(name))
        elif file is not None:
            own[name], imports = _read(file, name)
            waiting += [found for top in sorted(imports) for found in (top, *_ancestors(top))]
    return own, foreign


@cache
def fingerprint_module(module: str) -> Digest:
    """A module's fingerprint changes with its code, with that of every own module it reaches, and with foreign versions.

    Computed once per process: code that is edited while it runs keeps the fingerprint it was loaded with.

    Raises:
        ModuleSourceError: `module` has no readable source.
    """
    own, foreign = _close(module)
    if module not in own:
        raise ModuleSourceError(module)
    return digest({"own": own, "foreign": foreign})
