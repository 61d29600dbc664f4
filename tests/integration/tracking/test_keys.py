"""A key has one number for ever, whoever asks, and what was taken back is not remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.storage.database import Database
from flyball.tracking import keys as module
from flyball.tracking.keys import Keys


def test_a_key_has_one_number_for_each_kind(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "home.db")
    keys, other = Keys(database), Keys(database)
    made = keys.create("metric", {"a", "b"})
    assert other.create("metric", {"b", "c"})["b"] == made["b"]
    assert other.find("metric", "a") == made["a"]
    assert keys.create("tag", {"a"})["a"] != made["a"]
    assert keys.find("metric", "never") is None
    assert {other.names(made.values())[number] for number in made.values()} == {"a", "b"}
    database.close()


def test_a_key_of_a_transaction_that_was_taken_back_is_forgotten(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "home.db")
    keys = Keys(database)

    def take_back() -> None:
        with database.write():
            number = keys.create("metric", {"a"})["a"]
            assert keys.names([number])[number] == "a"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_back()
    assert keys.find("metric", "a") is None
    numbers = {**Keys(database).create("metric", {"b"}), **keys.create("metric", {"a"})}
    assert keys.names(numbers.values())[numbers["a"]] == "a"
    assert numbers["a"] != numbers["b"]
    database.close()


def test_many_keys_are_asked_for_again_and_stay_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 100)
    database = Database.open(tmp_path / "home.db")
    keys = Keys(database)
    asked = [{f"k{at}" for at in range(start, start + 700)} for start in range(0, 2100, 700)]
    first = [dict(keys.create("param", some)) for some in asked]
    for some, numbers in zip(asked, first, strict=True):
        again = keys.create("param", some)
        assert all(again[name] == numbers[name] for name in some)
        assert all(keys.names(numbers.values())[numbers[name]] == name for name in some)
    database.close()
