"""Which datasets' rows are on the disk before they are acknowledged is said by one setting."""

from __future__ import annotations

import pytest

from flyball.app.durability import Durability


@pytest.mark.parametrize(
    ("said", "synced"),
    [
        ("", []),
        ("sales", ["sales"]),
        (" sales , visits,", ["sales", "visits"]),
        ("all", ["sales", "visits"]),
        ("visits,all", ["sales", "visits"]),
    ],
)
def test_the_setting_names_datasets_or_all(said: str, synced: list[str]) -> None:
    durability = Durability.of({"FLYBALL_FSYNC_ROWS": said})
    assert [name for name in ("sales", "visits") if durability.fsync(name) == "each"] == synced


def test_without_the_setting_nothing_is_synced() -> None:
    assert Durability.of({}).fsync("sales") == "never"
