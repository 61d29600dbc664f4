"""What compiled code does and reaches, without its place: lines, columns, file names and comments are left out."""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator, Mapping, Sequence
from importlib import util
from typing import TypeAlias

from flyball.core.canonical import canonical

CodeForm: TypeAlias = "bool | int | float | str | Sequence[CodeForm] | Mapping[str, CodeForm] | None"


def _constant(value: object) -> CodeForm:
    match value:
        case types.CodeType():
            return code_form(value, None)
        case tuple():
            return ["tuple", [_constant(item) for item in value]]
        case frozenset():  # its order follows the hash seed
            return ["frozenset", sorted((_constant(item) for item in value), key=canonical)]
    return [type(value).__name__, repr(value)]


def code_form(code: types.CodeType, docstring: str | None) -> CodeForm:
    """The form of `code`: equal for sources that differ in comments, layout and docstring only (per minor version of Python)."""
    constants = list(code.co_consts)
    if docstring is not None and constants and constants[0] == docstring:
        constants[0] = None
    return {
        "operations": code.co_code.hex(),
        "constants": [_constant(value) for value in constants],
        "names": [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars],
        "arguments": [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags],
        "exceptions": code.co_exceptiontable.hex(),
    }


def _all_code(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from _all_code(value)


def reached_names(code: types.CodeType) -> set[str]:
    """The names that `code` and the functions inside it look up in their module."""
    operations = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
    return {str(step.argval) for part in _all_code(code) for step in dis.get_instructions(part) if step.opname in operations}


def reached_modules(code: types.CodeType, package: str) -> set[str]:
    """The absolute names of the modules that `code` imports when it runs."""
    found: set[str] = set()
    for part in _all_code(code):
        steps = list(dis.get_instructions(part))
        for index, step in enumerate(steps):
            if step.opname == "IMPORT_NAME":
                # The level of a relative import is the constant that is pushed two steps before.
                level = int(steps[index - 2].argval or 0)
                found.add(util.resolve_name("." * level + step.argval, package) if level else step.argval)
    return found
