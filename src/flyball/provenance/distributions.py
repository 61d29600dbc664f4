"""Which code is the project's own and which comes from an installed distribution or from Python itself.

Own code counts by its source, foreign code by its distribution and version: nobody edits the latter in place, and reading
all of numpy to fingerprint one function would cost more than the function.
"""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from importlib import metadata
from pathlib import Path

OWN = "flyball"


@cache
def installed_roots() -> tuple[Path, ...]:
    """The directories of the standard library and of installed distributions, longest first."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    roots = {Path(sysconfig.get_path(name)).resolve() for name in names}
    return tuple(sorted(roots, key=lambda root: -len(root.parts)))


@cache
def _owners() -> dict[str, tuple[str, ...]]:
    return {module: tuple(sorted(set(owners))) for module, owners in metadata.packages_distributions().items()}


@cache
def version_of(module: str) -> str:
    """The distribution and version that `module` comes from, as "polars==2.1.0"; Python's own modules give "python==3.11"."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return f"python=={sys.version_info.major}.{sys.version_info.minor}"
    try:
        # Most distributions are called what they provide; reading the file lists of all of them takes a third of a second.
        return f"{top}=={metadata.version(top)}"
    except metadata.PackageNotFoundError:
        owners = _owners().get(top, ())
    return " ".join(f"{owner}=={metadata.version(owner)}" for owner in owners) or f"{top}==unknown"


def is_own(module: str, file: str | None) -> bool:
    """Whether a module counts by its source: Flyball itself, and every file outside the installed distributions.

    A module without a file (built in, or typed at a prompt) counts as own unless Python or a distribution provides its name.
    """
    top = module.partition(".")[0]
    if top == OWN:
        return True
    if top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return False
    if file is None:
        return top not in _owners()
    path = Path(file).resolve()
    return not any(path.is_relative_to(root) for root in installed_roots())
