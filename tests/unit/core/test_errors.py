"""Errors name what was asked, what was found, and the near name."""

from __future__ import annotations

import importlib
import inspect

import pytest

from flyball.core import errors
from flyball.core.errors import FlyballError, HeldError, MissingExtraError, UnknownNameError
from flyball.core.optional import extra


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("carier", ["carrier", "origin"], "carrier"),
        ("sky.tmp", ["sky.temp", "sky.visib"], "sky.temp"),
        ("zzz", ["carrier"], None),
        ("x", [], None),
    ],
)
def test_a_misspelt_name_is_told_the_near_one(name: str, known: list[str], near: str | None) -> None:
    error = UnknownNameError("column", name, known=known, where="flights")
    assert error.near == near
    assert (f"Did you mean '{near}'?" if near else "Known: ") in str(error)
    assert str(error).startswith(f"There is no column '{name}' in flights.")


def test_many_known_names_are_cut() -> None:
    message = str(UnknownNameError("view", "zzz", known=[f"a{number}" for number in range(30)]))
    assert message.count("a") < 20
    assert message.endswith(", ….")


def test_a_held_thing_names_its_holder() -> None:
    error = HeldError("The home /h", "flyball backtest (pid 7, since noon)")
    assert (error.what, error.holder) == ("The home /h", "flyball backtest (pid 7, since noon)")
    assert "flyball backtest (pid 7, since noon)" in str(error)


def test_every_error_has_a_code_of_its_own_and_a_built_in_kin() -> None:
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, FlyballError)]
    assert len({kind.code for kind in classes}) == len(classes)
    for kind in classes:
        if kind is not FlyballError:
            assert any(base.__module__ == "builtins" and base not in (Exception, BaseException, object) for base in kind.__mro__)


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'flyball\[train\]'"), extra("train"):
        importlib.import_module("no_such_distribution.part")


def test_our_own_missing_module_is_a_bug_not_an_extra() -> None:
    with pytest.raises(ModuleNotFoundError) as caught, extra("train"):
        importlib.import_module("flyball.no_such_room")
    assert not isinstance(caught.value, FlyballError)
