"""Ids that are drawn together are ids as any other."""

from __future__ import annotations

import re

from flyball.core.ids import DerivedIds, RandomIds, create_many

ID = re.compile(r"prd-[0-9a-hjkmnp-tv-z]{26}")


def test_ids_that_are_drawn_together_are_well_formed_and_all_different() -> None:
    found = create_many(RandomIds(), "prd", count=5000)
    assert len(set(found)) == 5000
    assert all(ID.fullmatch(one) for one in found)


def test_they_are_of_the_moment_at_which_they_were_drawn() -> None:
    ids = RandomIds()
    before, together, after = ids.create("prd"), create_many(ids, "prd", count=100), ids.create("prd")
    moment = slice(4, 13)  # all but the last three bits of the milliseconds
    assert all(before[moment] <= one[moment] <= after[moment] for one in together)


def test_every_digit_is_drawn() -> None:
    tails = "".join(one[14:] for one in create_many(RandomIds(), "prd", count=2000))
    assert len(set(tails)) == 32


def test_none_are_none() -> None:
    assert create_many(RandomIds(), "prd", count=0) == []


def test_derived_ids_are_made_one_by_one() -> None:
    assert create_many(DerivedIds(0), "prd", count=2) == [DerivedIds(0).create("prd")] * 2
