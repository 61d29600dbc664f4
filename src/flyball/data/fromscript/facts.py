"""What a training script does, as far as its syntax says so: the files it reads, the column it predicts, from which, and by what."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from flyball.data.fromscript.cells import Cell, Script

READERS = {
    "read_csv", "scan_csv", "read_parquet", "scan_parquet", "read_table", "read_json", "read_ndjson", "scan_ndjson", "read_feather",
    "read_ipc", "scan_ipc", "read_excel",
}  # fmt: skip
ESTIMATORS = ("Classifier", "Regressor", "Regression", "Ridge", "Lasso", "ElasticNet", "SVC", "SVR", "NB")
_MODULES = ("sklearn", "lightgbm", "xgboost", "catboost")
Literal: TypeAlias = "str | int | float | bool | list[Any] | dict[Any, Any] | tuple[Any, ...] | None"


@dataclass(frozen=True)
class Read:
    """A file that is read into `name`."""

    name: str
    path: str
    place: str


@dataclass(frozen=True)
class Estimator:
    """What is fitted: where it is imported from, and its parameters that are plain values; those that are not are in `others`."""

    name: str
    module: str
    parameters: Mapping[str, Literal]
    others: tuple[str, ...]
    place: str


@dataclass
class Facts:
    """What was found; the last word counts. `test` is the question that makes a label of the target: an operator and a value."""

    reads: list[Read] = field(default_factory=list)
    estimators: list[Estimator] = field(default_factory=list)
    target: str | None = None
    test: tuple[str, Literal] | None = None
    features: list[str] | None = None
    dropped: set[str] = field(default_factory=set)
    times: list[str] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Literal] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    turned: set[tuple[int, int]] = field(default_factory=set)


_OPERATORS: Mapping[type[ast.cmpop], str] = {
    ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_LABELS = ("y", "target", "label", "labels", "y_all", "outcome")


def find_facts(script: Script) -> Facts:
    """The facts of all cells, in the order in which they stand."""
    facts = Facts()
    for cell, tree in script.trees():
        for node in ast.walk(tree):
            _note_imports(facts, node)
        for statement in tree.body:
            before = _size(facts)
            _Reader(facts, script, cell=cell).visit(statement)
            if _size(facts) != before or isinstance(statement, ast.Import | ast.ImportFrom):
                facts.turned.add((cell.number, statement.lineno))
    return facts


def _size(facts: Facts) -> tuple[Any, ...]:
    return (
        len(facts.reads), len(facts.estimators), facts.target, facts.test, facts.features and tuple(facts.features), len(facts.dropped),
        len(facts.times), len(facts.constants),
    )  # fmt: skip


def _note_imports(facts: Facts, node: ast.AST) -> None:
    match node:
        case ast.Import():
            facts.imports.update({(alias.asname or alias.name.partition(".")[0]): alias.name for alias in node.names})
        case ast.ImportFrom(module=str(module)):
            facts.imports.update({(alias.asname or alias.name): f"{module}.{alias.name}" for alias in node.names})


class _Reader(ast.NodeVisitor):
    """Reads one top-level statement."""

    def __init__(self, facts: Facts, script: Script, *, cell: Cell) -> None:
        self.facts, self.script, self.cell = facts, script, cell

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, node.value)
        self.generic_visit(node)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                for one, other in zip(names, values, strict=True):
                    self._assign(one, other)
            case ast.Name(id=name), _:
                self._named(name, value)
            case ast.Subscript(slice=ast.Constant(value=str(column))), _:
                if _name(value) not in {"to_datetime", "strptime"}:
                    self.facts.made[column] = self.script.place(self.cell, target.lineno)

    def _named(self, name: str, value: ast.expr) -> None:
        constant = resolve(value, self.facts.constants)
        if constant is not None:
            self.facts.constants[name] = constant
        elif name in _LABELS or name.startswith("y_"):
            self._label(value)
        elif name in {"X", "features", "x", "X_all", "Xs"}:
            self._features(value)
        for call in _calls(value):
            if (_name(call) or "") in READERS and call.args:
                self._read(name, call)

    def _read(self, name: str, call: ast.Call) -> None:
        path = resolve(call.args[0], self.facts.constants)
        if isinstance(path, str):
            self.facts.reads.append(Read(name, path, self.script.place(self.cell, call.lineno)))
        for keyword in call.keywords:
            if keyword.arg == "parse_dates":
                found = resolve(keyword.value, self.facts.constants)
                self.facts.times += [column for column in found if isinstance(column, str)] if isinstance(found, list) else []

    def _label(self, value: ast.expr) -> None:
        """`df["a"]`, `df.a`, `df.pop("a")`, with what is done to it behind; or a comparison of one."""
        for node in ast.walk(value):
            if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _OPERATORS:
                limit, column = resolve(node.comparators[0], self.facts.constants), self._column(node.left)
                if column is not None and isinstance(limit, int | float | str):
                    self.facts.target, self.facts.test = column, (_OPERATORS[type(node.ops[0])], limit)
                    return
        for node in ast.walk(value):
            if isinstance(node, ast.expr) and (column := self._column(node)) is not None:
                self.facts.target, self.facts.test = column, None
                return

    def _column(self, node: ast.expr) -> str | None:
        match node:
            case ast.Subscript(slice=part):
                found = resolve(part, self.facts.constants)
                return found if isinstance(found, str) else found[0] if _is_one(found) else None  # type: ignore[index]  # a list of one
            case ast.Call(func=ast.Attribute(attr="pop" | "get_column" | "col" | "select"), args=[part]):
                found = resolve(part, self.facts.constants)
                return found if isinstance(found, str) else None
            case ast.Attribute(value=ast.Name(id=frame), attr=column) if frame in {read.name for read in self.facts.reads}:
                return column
        return None

    def _features(self, value: ast.expr) -> None:
        for node in ast.walk(value):
            match node:
                case ast.Subscript(slice=part) | ast.Call(func=ast.Attribute(attr="select"), args=[part]):
                    found = resolve(part, self.facts.constants)
                    if isinstance(found, list) and found and all(isinstance(name, str) for name in found):
                        self.facts.features = list(found)

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node) or ""
        if name == "drop":
            self._dropped(node)
        if name in {"to_datetime", "strptime", "sort_values", "sort", "set_index"}:
            self._time(node)
        origin = self._origin(node.func)
        if origin.startswith(_MODULES) and name.endswith(ESTIMATORS):
            self._estimator(node, name=name, module=origin.rpartition(".")[0])
        self.generic_visit(node)

    def _origin(self, function: ast.expr) -> str:
        """The full name of what is called, by the script's imports."""
        text = ast.unparse(function) if isinstance(function, ast.Name | ast.Attribute) else ""
        first, dot, rest = text.partition(".")
        return f"{self.facts.imports.get(first, first)}{dot}{rest}"

    def _dropped(self, node: ast.Call) -> None:
        axis = next((keyword.value for keyword in node.keywords if keyword.arg == "columns"), None)
        for value in [axis] if axis is not None else node.args:
            found = resolve(value, self.facts.constants)
            names = [found] if isinstance(found, str) else found if isinstance(found, list) else []
            self.facts.dropped.update(name for name in names if isinstance(name, str))

    def _time(self, node: ast.Call) -> None:
        for part in ast.walk(node):
            found = resolve(part.slice, self.facts.constants) if isinstance(part, ast.Subscript) else None
            if isinstance(part, ast.Call) and _name(part) == "col" and part.args:
                found = resolve(part.args[0], self.facts.constants)
            elif part is node and node.args and found is None:
                found = resolve(node.args[0], self.facts.constants)
            if isinstance(found, str):
                self.facts.times.append(found)

    def _estimator(self, node: ast.Call, *, name: str, module: str) -> None:
        parameters, others = dict[str, Literal](), [ast.unparse(argument) for argument in node.args]
        for keyword in node.keywords:
            value = resolve(keyword.value, self.facts.constants)
            if keyword.arg is not None and (value is not None or _is_none(keyword.value)):
                parameters[keyword.arg] = value
            elif keyword.arg is None and isinstance(value, dict) and all(isinstance(key, str) for key in value):
                parameters.update(value)
            else:
                others.append(ast.unparse(keyword))
        place = self.script.place(self.cell, node.lineno)
        self.facts.estimators.append(Estimator(name, module, parameters, tuple(others), place))


def resolve(node: ast.expr, constants: Mapping[str, Literal]) -> Literal:
    """The plain value that the expression stands for, by constants that were assigned before; None where it stands for none."""
    match node:
        case ast.Name(id=name):
            return constants.get(name)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            found = [resolve(part, constants) for part in parts]
            return found if all(value is not None for value in found) else None
        case ast.BinOp(left=left, op=ast.Add() | ast.Div() as operator, right=right):
            one, other = resolve(left, constants), resolve(right, constants)
            if isinstance(one, list) and isinstance(other, list):
                return [*one, *other]
            if isinstance(one, str) and isinstance(other, str):
                return f"{one}/{other}" if isinstance(operator, ast.Div) else one + other
            return None
        case ast.Call(func=function, args=parts) if _last(function) in {"Path", "join"} and parts:
            texts = [resolve(part, constants) for part in parts]
            return "/".join(text for text in texts if isinstance(text, str)) if all(isinstance(text, str) for text in texts) else None
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            return {keyword.arg: resolve(keyword.value, constants) for keyword in keywords}
        case ast.JoinedStr(values=parts):
            texts = [resolve(part.value if isinstance(part, ast.FormattedValue) else part, constants) for part in parts]
            return "".join(str(text) for text in texts) if all(isinstance(text, str | int) for text in texts) else None
    try:
        value: Literal = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, str | int | float | bool | list | dict) else None


def _is_one(found: object) -> bool:
    return isinstance(found, list) and len(found) == 1 and isinstance(found[0], str)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _calls(node: ast.expr) -> Iterator[ast.Call]:
    return (found for found in ast.walk(node) if isinstance(found, ast.Call))


def _last(function: ast.expr) -> str | None:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else None


def _name(node: ast.expr) -> str | None:
    """The last word of what is called."""
    return _last(node.func) if isinstance(node, ast.Call) else None


def last_words(nodes: Sequence[ast.Call]) -> list[str]:
    """The last words of calls."""
    return [name for node in nodes if (name := _name(node)) is not None]
