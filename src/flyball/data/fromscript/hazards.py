"""What of a script could not be done again: chance, clocks, places, hidden state, and versions that nobody wrote down."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flyball.data.fromscript.cells import Cell, Script
from flyball.data.fromscript.facts import ESTIMATORS

_LOCAL = re.compile(r"^(/(home|Users|root|tmp|mnt|content|data|opt|var|kaggle|media)/|~/|[A-Za-z]:[\\/]|\\\\)")
_ADDRESS = re.compile(r"^(https?|ftp|s3|gs|hdfs)://", re.IGNORECASE)
_SEEDS = frozenset({"seed", "random_state", "set_seed", "manual_seed", "set_random_seed", "seed_everything"})
_SEEDED_CALLS = frozenset({
    "train_test_split", "sample", "shuffle", "KFold", "StratifiedKFold", "ShuffleSplit", "StratifiedShuffleSplit", "RandomizedSearchCV",
    "default_rng", "RandomState", "resample",
})  # fmt: skip
_STOCHASTIC = ("ForestClassifier", "ForestRegressor", "TreesClassifier", "TreesRegressor", "BoostingClassifier", "BoostingRegressor")
_ALSO = frozenset({"DecisionTreeClassifier", "DecisionTreeRegressor", "MLPClassifier", "MLPRegressor", "SGDClassifier",
                   "SGDRegressor", "LGBMClassifier", "LGBMRegressor", "XGBClassifier", "XGBRegressor",
                   "CatBoostClassifier", "CatBoostRegressor"})  # fmt: skip
_CLOCKS = frozenset({"now", "today", "utcnow", "time", "time_ns", "localtime", "gmtime"})
_CLOCK_MODULES = frozenset(
    {"datetime", "date", "time", "Timestamp", "pd.Timestamp", "datetime.datetime", "datetime.date", "dt", "dt.datetime"}
)
_NETWORK = frozenset(
    {"requests", "urllib", "urllib3", "httpx", "aiohttp", "boto3", "s3fs", "gcsfs", "socket", "wget", "kaggle", "yfinance"}
)
_RANDOM_MODULES = ("random.", "np.random.", "numpy.random.")
_PINNED = re.compile(r"^\s*([A-Za-z0-9_.-]+)(\[[^\]]*\])?\s*==", re.MULTILINE)
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "cv2": "opencv-python", "PIL": "pillow", "yaml": "pyyaml", "bs4": "beautifulsoup4"}


@dataclass(frozen=True, order=True)
class Hazard:
    """What, where, and what to do about it."""

    kind: str
    place: str
    what: str


def find_hazards(script: Script) -> list[Hazard]:
    """All that was found, by kind, in the order of the file."""
    found = [hazard for cell, tree in script.trees() for hazard in _in_tree(script, cell, tree=tree)]
    found += _magics(script)
    found += _order(script)
    found += _undefined(script)
    found += _unpinned(script)
    kinds = list(dict.fromkeys(hazard.kind for hazard in found))
    return sorted(dict.fromkeys(found), key=lambda hazard: kinds.index(hazard.kind))


def _in_tree(script: Script, cell: Cell, *, tree: ast.Module) -> Iterator[Hazard]:
    calls = [node for _, other in script.trees() for node in ast.walk(other) if isinstance(node, ast.Call)]
    seeded = any(_text(node.func).rpartition(".")[2] in _SEEDS for node in calls)
    for node in ast.walk(tree):
        match node:
            case ast.Call():
                where = script.place(cell, node.lineno)
                yield from _call(node, where, seeded=seeded)
            case ast.Constant(value=str(text)) if _LOCAL.match(text):
                yield Hazard("local path", script.place(cell, node.lineno), f"{text[:80]!r} is a place of one machine")
            case ast.Constant(value=str(text)) if _ADDRESS.match(text):
                yield Hazard("network", script.place(cell, node.lineno), f"{text[:80]!r} may answer otherwise tomorrow")
            case ast.Import(names=names) if hits := {alias.name.partition(".")[0] for alias in names} & _NETWORK:
                yield Hazard("network", script.place(cell, node.lineno), f"it uses {min(hits)}")
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in _NETWORK:
                yield Hazard("network", script.place(cell, node.lineno), f"it uses {module}")
            case ast.Global(names=names):
                yield Hazard("hidden state", script.place(cell, node.lineno), f"a function changes the global {names[0]!r}")


def _call(node: ast.Call, where: str, *, seeded: bool) -> Iterator[Hazard]:
    text = _text(node.func)
    before, _, name = text.rpartition(".")
    given = {keyword.arg for keyword in node.keywords}
    states = [keyword.value for keyword in node.keywords if keyword.arg in {"random_state", "seed", "random_seed"}]
    fixed = any(not (isinstance(value, ast.Constant) and value.value is None) for value in states) or None in given
    draws = name in _ALSO or name.endswith(_STOCHASTIC) or name in _SEEDED_CALLS
    if name in {"KFold", "StratifiedKFold"} and not _is_true(node, "shuffle"):
        draws = False
    if name == "train_test_split" and _is_false(node, "shuffle"):
        draws = False
    if name in {"default_rng", "RandomState"} and node.args:
        draws = False
    if draws and not fixed and not (name not in _SEEDED_CALLS and not name.endswith(ESTIMATORS)):
        yield Hazard(
            "unseeded randomness", where, f"{name}(...) without random_state" if name != "default_rng" else "default_rng() without a seed"
        )
    elif text.startswith(_RANDOM_MODULES) and not seeded and name not in {*_SEEDS, "default_rng", "RandomState", "Generator"}:
        yield Hazard("unseeded randomness", where, f"{text}(...) without a seed anywhere")
    if name in _CLOCKS and (before in _CLOCK_MODULES or before.endswith((".datetime", ".Timestamp", ".date"))):
        yield Hazard("wall clock", where, f"{text}() is another time in every run")
    if name == "input" and not before:
        yield Hazard("hidden state", where, "input() asks a person")
    if text in {"os.getenv", "os.environ.get"}:
        yield Hazard("hidden state", where, f"{text}(...) depends on who runs it")


def _magics(script: Script) -> Iterator[Hazard]:
    for cell in script.cells:
        for line, text in cell.magics:
            where = script.place(cell, line)
            if re.search(r"\b(pip|conda|mamba|uv)\b.*\binstall\b", text):
                if "==" not in text:
                    yield Hazard("unpinned package", where, f"{text[:80]!r} installs what is newest that day")
            elif re.search(r"\b(wget|curl|kaggle|aws|gsutil|git)\b", text):
                yield Hazard("network", where, f"{text[:80]!r} fetches what lies there that day")
            elif re.match(r"%(run|load|store|cd)\b|!|%%", text):
                yield Hazard("hidden state", where, f"{text[:80]!r} does something outside of the notebook")
        if cell.tree is None and not cell.magics:
            yield Hazard("no Python", script.place(cell, 1), "the cell cannot be read, and was passed over")


def _order(script: Script) -> Iterator[Hazard]:
    """A notebook that was run in another order than it stands in, or in part, is what no run from the top gives."""
    if not script.notebook:
        return
    last = 0
    for cell in script.cells:
        if cell.count is not None and cell.count < last:
            yield Hazard(
                "hidden state", script.place(cell, 1), f"it was run as number {cell.count}, after cells below it or before those above"
            )
        last = max(last, cell.count or 0)
    counts = [cell.count for cell in script.cells]
    if any(count is not None for count in counts):
        for cell in (cell for cell in script.cells if cell.count is None):
            yield Hazard("hidden state", script.place(cell, 1), "the cell was not run when the others were")


def _undefined(script: Script) -> Iterator[Hazard]:
    """Names that are used on the top level before anything above gives them a value."""
    known = {*dir(builtins), "__name__", "__file__", "display", "get_ipython", "In", "Out", "_"}
    for cell, tree in script.trees():
        if any(isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names) for node in tree.body):
            return
        for statement in tree.body:
            used, bound = _names(statement)
            for name, line in used.items():
                if name not in known and name not in bound:
                    yield Hazard("hidden state", script.place(cell, line), f"{name!r} has no value here, run from the top")
                    known.add(name)
            known |= bound


def _names(statement: ast.stmt) -> tuple[Mapping[str, int], set[str]]:
    """The names that a statement reads where it is run, each with its line, and all that it binds anywhere."""
    used, bound = dict[str, int](), set[str]()
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.setdefault(name, node.lineno)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                bound.update((alias.asname or alias.name).partition(".")[0] for alias in names)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {}, bound & {statement.name}  # its body is run later
    return used, bound


def _unpinned(script: Script) -> Iterator[Hazard]:
    imported: dict[str, str] = {}
    for cell, tree in script.trees():
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                imported.setdefault(name.partition(".")[0], script.place(cell, getattr(node, "lineno", 1)))
    pinned = {name.lower().replace("_", "-") for name in _pins(script.path.parent)}
    magic = {name.lower() for cell in script.cells for _, text in cell.magics for name in re.findall(r"([\w.-]+)==", text)}
    for name, place in imported.items():
        wanted = _DISTRIBUTIONS.get(name, name).lower().replace("_", "-")
        beside = (script.path.parent / f"{name}.py").is_file() or (script.path.parent / name).is_dir()
        if name not in sys.stdlib_module_names and not beside and wanted not in pinned | magic:
            yield Hazard("unpinned package", place, f"{wanted} of no stated version; pin it in requirements.txt")


def _pins(folder: Path) -> Iterator[str]:
    for file in ("requirements.txt", "requirements.lock", "constraints.txt"):
        try:
            with (folder / file).open(encoding="utf-8", errors="replace") as opened:
                yield from (match[0] for match in _PINNED.findall(opened.read(1 << 20)))
        except OSError:
            continue


def _text(node: ast.expr) -> str:
    """The dotted name, or "" for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            before = _text(value)
            return f"{before}.{name}"
    return ""


def _is_true(node: ast.Call, name: str) -> bool:
    return any(keyword.arg == name and isinstance(keyword.value, ast.Constant) and keyword.value.value is True for keyword in node.keywords)


def _is_false(node: ast.Call, name: str) -> bool:
    return any(
        keyword.arg == name and isinstance(keyword.value, ast.Constant) and keyword.value.value is False for keyword in node.keywords
    )
