"""How rows are shared, on a terminal: what was typed is understood or refused with its form, and what stands is said in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.cli.steering import LearnsError, PairError, bandit, told, weights_of

PLACE: dict[str, Any] = {"endpoint": "late", "champion": 1, "canary": None, "share": 0.0, "policy": None, "shadows": []}


@pytest.mark.parametrize(
    "pair", ["1", "=0.5", "one=0.5", "1=half", "1=", "-1=0.5", "0=1", "1.5=1", "1=nan", "1=inf", "\N{ARABIC-INDIC DIGIT ONE}=0.5"]
)
def test_what_is_no_weight_is_refused_with_the_form(pair: str) -> None:
    with pytest.raises(PairError, match="VERSION=SHARE"):
        weights_of([pair])


def test_a_bandit_learns_from_what_there_is() -> None:
    with pytest.raises(LearnsError, match="--learns is 'gut', but must be 'rewards' or 'labels'"):
        bandit("late", [1, 2], learns="gut", why="", as_json=False, home=None)


def test_a_version_has_one_weight() -> None:
    with pytest.raises(PairError, match="each version once"):
        weights_of(["1=0.5", "1=0.5"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "Endpoint 'late': version 1 is champion.\n"),
        ({"canary": 2, "share": 0.25}, "Endpoint 'late': version 1 is champion; version 2 is its canary with 25% of the rows.\n"),
        (
            {"policy": {"policy": "weights", "shares": {"1": 0.9, "2": 0.1}}, "shadows": [3]},
            "Endpoint 'late': version 1 is champion; rows are shared by weights: version 1 90.0%, version 2 10.0%; shadows: version 3.\n",
        ),
        (
            {"policy": {"policy": "segments", "column": "carrier", "values": {"UA": 2}}},
            "Endpoint 'late': version 1 is champion; rows are shared by carrier: UA version 2.\n",
        ),
    ],
)
def test_what_stands_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str], changes: dict[str, Any], says: str) -> None:
    told({"deployment": {**PLACE, **changes}}, as_json=False)
    assert capsys.readouterr().out == says


def test_servers_that_do_not_act_on_it_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    servers = {"acknowledged": False, "servers": [], "refused": {"one": "no blob"}, "late": [], "absent": ["two"]}
    told({"deployment": PLACE, "servers": servers}, as_json=False)
    err = capsys.readouterr().err
    assert err == "Model server one goes on as before: no blob\nModel server two has not said that it acts on it.\n"
