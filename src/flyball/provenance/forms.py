"""The stable form of what code refers to: plain values as they are, code by its code, objects by what would rebuild them.

A form is JSON and the same in every process, whatever the hash seed. Functions count by their compiled code, so comments
and layout do not, and by everything the code reaches: closures, defaults, globals, functions behind functions.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, time, timedelta
from enum import Enum
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeAlias, cast

from flyball.core.canonical import canonical, digest_bytes
from flyball.provenance.bytecode import code_form, reached_modules, reached_names
from flyball.provenance.distributions import is_own, version_of
from flyball.provenance.errors import OpaqueValueError
from flyball.provenance.expressions import expression_form
from flyball.provenance.modules import fingerprint_module, source_file

if TYPE_CHECKING:
    import numpy as np

Form: TypeAlias = "bool | int | float | str | Sequence[Form] | Mapping[str, Form] | None"
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), date, time, timedelta, range, slice)
_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType)
_SKIPPED = frozenset((
    "__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__firstlineno__", "__static_attributes__", "_abc_impl",
    "__abstractmethods__", "__dataclass_fields__", "__dataclass_params__", "__parameters__", "__orig_bases__",
))  # fmt: skip


class Forms:
    """Describes values for one fingerprint; a function, class or object that is met again is named by the order of its first visit."""

    def __init__(self) -> None:
        self._met: dict[int, tuple[int, object]] = {}
        self._open: set[int] = set()

    def of(self, value: object, where: str) -> Form:
        """The form of `value`, which `where` refers to.

        Raises:
            OpaqueValueError: `value` has no stable form.
        """
        match value:
            case Enum():
                return ["enum", self._name(type(value)), value.name]
            case _ if isinstance(value, _PLAIN):
                return [type(value).__name__, repr(value)]
            case PurePath():
                return ["path", value.as_posix()]
            case Mapping() | set() | frozenset() | list() | tuple():
                with self._opened(value, where):
                    return self._container(value, where)
            case types.ModuleType():
                return self._module(value.__name__)
        if id(value) in self._met:
            return ["met", self._met[id(value)][0]]
        self._met[id(value)] = (len(self._met), value)
        return self._object(value, where)

    @contextmanager
    def _opened(self, value: object, where: str) -> Iterator[None]:
        if id(value) in self._open:
            raise OpaqueValueError(where, f"{type(value).__name__} that holds itself")
        self._open.add(id(value))
        try:
            yield
        finally:
            self._open.discard(id(value))

    def _container(self, value: object, where: str) -> Form:
        kind = self._name(type(value))
        if isinstance(value, Mapping):
            pairs: list[Form] = [[self.of(key, where), self.of(item, where)] for key, item in value.items()]
            return [kind, sorted(pairs, key=canonical)]
        forms = [self.of(item, where) for item in cast("Sequence[object]", value)]
        return [kind, forms if isinstance(value, list | tuple) else sorted(forms, key=canonical)]

    def _object(self, value: object, where: str) -> Form:
        match value:
            case types.FunctionType():
                return self._function(value)
            case type():
                return self._class(value)
            case types.MethodType():
                return ["method", self.of(value.__func__, where), self.of(value.__self__, where)]
            case staticmethod() | classmethod():
                return [type(value).__name__, self.of(value.__func__, where)]
            case property():
                return ["property", [self.of(part, where) for part in (value.fget, value.fset, value.fdel)]]
            case cached_property():
                return ["property", [self.of(value.func, where)]]
            case types.BuiltinFunctionType() if value.__self__ is None or isinstance(value.__self__, types.ModuleType):
                return ["builtin", f"{value.__module__}.{value.__qualname__}", version_of(value.__module__ or "builtins")]
            case _ if isinstance(value, _DESCRIPTORS):
                return ["descriptor", value.__name__]
        return self._instance(value, where)

    def _function(self, function: types.FunctionType) -> Form:
        where = f"{function.__module__}.{function.__qualname__}"
        if not is_own(function.__module__ or "", function.__code__.co_filename):
            return ["function", where, version_of(function.__module__)]
        names, space = reached_names(function.__code__), function.__globals__
        package = str(space.get("__package__") or "")
        cells = [self.of(cell.cell_contents, where) if _is_bound(cell) else "unbound" for cell in function.__closure__ or ()]
        return {
            "code": code_form(function.__code__, function.__doc__),
            "defaults": self.of(function.__defaults__, where),
            "keywords": self.of(function.__kwdefaults__, where),
            "closure": cells,
            "globals": {name: self.of(space[name], f"{where}, through {name!r},") for name in sorted(names) if name in space},
            "imports": [self._module(name) for name in sorted(reached_modules(function.__code__, package))],
        }

    def _class(self, cls: type) -> Form:
        name = self._name(cls)
        if not is_own(cls.__module__, getattr(sys.modules.get(cls.__module__), "__file__", None)):
            return ["class", name, version_of(cls.__module__)]
        members = {key: item for key, item in vars(cls).items() if key not in _SKIPPED}
        if issubclass(cls, Enum):
            members = {key: item for key, item in members.items() if isinstance(item, types.FunctionType)}
            members |= {member.name: member.value for member in cls}
        bases = [self.of(base, name) for base in cls.__bases__]
        return ["class", name, bases, {key: self.of(members[key], f"{name}.{key}") for key in sorted(members)}]

    def _module(self, name: str) -> Form:
        file = source_file(name)
        if is_own(name, str(file) if file else None) and file is not None:
            return ["module", name, fingerprint_module(name)]
        return ["module", name, version_of(name)]

    def _instance(self, value: object, where: str) -> Form:
        wrapped = getattr(value, "__wrapped__", None)
        if wrapped is not None:
            return ["wrapped", self._name(type(value)), self.of(wrapped, where)]
        match type(value).__module__.partition(".")[0]:
            case "polars":
                return _polars_form(value, where)
            case "numpy" if hasattr(value, "tobytes"):
                return self._array(cast("np.ndarray", value), where)
            case "typing" | "types":
                return ["type", repr(value)]
        try:
            parts = value.__reduce_ex__(4)
        except (TypeError, AttributeError) as error:
            raise OpaqueValueError(where, self._name(type(value))) from error
        if isinstance(parts, str):
            return ["global", self._name(type(value)), parts]
        return ["object", *[self.of(_settled(part), where) for part in parts]]

    def _array(self, value: np.ndarray, where: str) -> Form:
        if value.dtype.hasobject:
            return ["array", list(value.shape), self.of(value.tolist(), where)]
        return ["array", list(value.shape), value.dtype.str, digest_bytes(value.tobytes())]

    def _name(self, cls: type) -> str:
        return f"{cls.__module__}.{cls.__qualname__}"


def _is_bound(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - asking is the only way to know
    except ValueError:
        return False
    return True


def _settled(part: object) -> object:
    # The fourth and fifth part of a reduction are iterators over items.
    return list(part) if isinstance(part, Iterator) else part


def _polars_form(value: object, where: str) -> Form:
    import polars as pl

    match value:
        case pl.Expr():
            return ["expression", expression_form(value)]
        case pl.DataFrame() | pl.LazyFrame():
            frame = value.lazy().collect()
            return ["frame", [[name, repr(frame[name].dtype), repr(frame[name].to_list())] for name in frame.columns]]
        case pl.Series():
            return ["series", value.name, repr(value.dtype), repr(value.to_list())]
        case pl.DataType() | pl.Schema():
            return ["dtype", repr(value)]
    raise OpaqueValueError(where, f"polars.{type(value).__name__}")
