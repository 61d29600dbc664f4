"""Sketches against the exact answer: within the bounds that they state, whatever the order, the parts and the merges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.kernels.sketches import EXACT, Distinct, Frequent, Moments, Quantiles, hash_numbers, hash_texts, runs

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
parts = st.lists(st.lists(finite, max_size=60), max_size=8)


def ranks(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many lie below each edge, by sorting."""
    return np.searchsorted(np.sort(values), edges, side="left")


@given(parts)
def test_few_values_are_kept_as_they_are(given_parts: list[list[float]]) -> None:
    sketch = Quantiles()
    for part in given_parts:
        sketch.add(np.sort(np.array(part)))
    whole = np.sort(np.array([value for part in given_parts for value in part]))
    points, weights = sketch.points()
    assert sketch.exact
    assert sketch.slack == 0
    assert points.tolist() == whole.tolist()
    assert weights.tolist() == [1] * len(whole)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 30_000), min_size=1, max_size=6),
    shape=st.sampled_from(["noise", "ties", "ascending"]), most=st.sampled_from([16, 512, EXACT]), merged=st.booleans(),
)  # fmt: skip
def test_no_rank_is_wrong_by_more_than_the_slack(seed: int, sizes: list[int], shape: str, most: int, *, merged: bool) -> None:
    draw = np.random.default_rng(seed)
    values = {
        "noise": draw.normal(size=sum(sizes)),
        "ties": draw.integers(0, 5, sum(sizes)).astype(float),
        "ascending": np.arange(sum(sizes), dtype=float),
    }[shape]
    whole = Quantiles(most=most)
    for part in np.split(values, np.cumsum(sizes)[:-1]):
        if merged:
            other = Quantiles(most=most)
            other.add(np.sort(part))
            whole.merge(other)
        else:
            whole.add(np.sort(part))
    edges = np.concatenate([np.quantile(values, np.linspace(0, 1, 41)), draw.normal(size=9)])
    assert whole.count == len(values)
    assert np.abs(whole.below(edges) - ranks(values, edges)).max() <= whole.slack
    assert set(whole.at([0.0, 0.5, 1.0]).tolist()) <= set(values.tolist())


def test_the_slack_of_many_values_stays_below_one_in_a_hundred() -> None:
    sketch = Quantiles()
    block = np.sort(np.random.default_rng(0).normal(size=1 << 16))
    for _ in range(400):  # 26 million
        sketch.add(block)
    assert sketch.slack / sketch.count < 0.006
    assert sum(map(len, sketch.levels)) < 40_000
    for _ in range(6):  # 1.7 thousand million
        sketch.merge(Quantiles([level.copy() for level in sketch.levels], list(sketch.turns), sketch.slack))
    assert sketch.slack / sketch.count < 0.01


@given(parts)
def test_moments_of_parts_are_those_of_the_whole(given_parts: list[list[float]]) -> None:
    given_parts = [[value for value in part if abs(value) < 1e100] for part in given_parts]
    whole, merged = Moments(), Moments()
    everything = np.array([value for part in given_parts for value in part])
    whole.add(everything)
    for part in given_parts:
        one = Moments()
        one.add(np.array(part))
        merged.merge(one)
    assert merged.count == whole.count == len(everything)
    scale = float(np.abs(everything).max(initial=0.0))
    assert merged.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-9 * scale)
    assert (merged.deviation or 0.0) == pytest.approx(whole.deviation or 0.0, rel=1e-6, abs=1e-6 * scale)


def test_moments_of_the_greatest_doubles_raise_nothing() -> None:
    found = Moments()
    found.add(np.array([1.7e308, 1.7e308, -1.7e308]))
    found.add(np.array([1.7e308, -1.7e308]))
    assert found.count == 5
    assert found.deviation is None


@given(st.lists(st.integers(-(2**40), 2**40), max_size=300), st.integers(1, 5))
def test_distinct_keys_are_counted_exactly_in_any_order_and_any_parts(values: list[int], number: int) -> None:
    whole, merged = Distinct(), Distinct()
    whole.add(hash_numbers(np.array(values, dtype=np.int64)))
    for start in range(number):
        one = Distinct()
        one.add(hash_numbers(np.array(values[start::number][::-1], dtype=np.int64)))
        merged.merge(one)
    assert whole.number == merged.number == len(set(values))
    assert whole.exact


@pytest.mark.parametrize("number", [3_000, 100_000, 1_000_000])
def test_many_distinct_keys_are_estimated_within_four_standard_errors(number: int) -> None:
    sketch = Distinct()
    for start in range(0, number, 70_000):
        sketch.add(hash_numbers(np.arange(start, min(number, start + 70_000))))
        sketch.add(hash_numbers(np.arange(start, min(number, start + 700))))
    assert abs(sketch.number / number - 1) < 4 / np.sqrt(2046)
    assert not sketch.exact


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), number=st.integers(1, 6), most=st.sampled_from([4, 32, 512]), merged=st.booleans())
def test_counts_are_never_too_great_and_too_small_by_no_more_than_the_slack(seed: int, number: int, most: int, *, merged: bool) -> None:
    draw = np.random.default_rng(seed)
    values = (draw.pareto(1.0, size=5_000) * 10).astype(np.int64)
    sketch = Frequent(most=most)
    for part in np.array_split(values, number):
        starts, counts = runs(np.sort(part))
        keys = hash_numbers(np.sort(part)[starts])
        if merged:
            other = Frequent(most=most)
            other.add(keys, counts)
            sketch.merge(other)
        else:
            sketch.add(keys, counts)
    found = dict(zip(sketch.keys.tolist(), sketch.counts.tolist(), strict=True))
    assert len(found) <= most
    assert sketch.keys.tolist() == sorted(found)
    distinct, counts = np.unique(values, return_counts=True)
    for key, count in zip(hash_numbers(distinct).tolist(), counts.tolist(), strict=True):
        assert count - sketch.slack <= found.get(key, 0) <= count
    assert sketch.slack <= len(values) / (most + 1)
    if len(distinct) <= most:
        assert sketch.slack == 0


@given(st.lists(st.text(max_size=12), max_size=40))
def test_texts_have_equal_keys_just_where_they_are_equal(texts: list[str]) -> None:
    raw = [text.encode("utf-8", "surrogatepass") for text in texts]
    keys = hash_texts(b"".join(raw), np.array([len(text) for text in raw], dtype=np.int64)).tolist()
    alone = [int(hash_texts(text, np.array([len(text)]))[0]) for text in raw]
    assert keys == alone
    assert len(set(keys)) == len(set(texts))


def test_keys_are_the_same_on_every_machine() -> None:
    """They lie in blobs: another key for the same value would count it twice."""
    assert hash_texts(b"flyball", np.array([7, 0])).tolist() == [17720398865314991865, 16294208416658607535]
    assert hash_numbers(np.array([0, 1, -1])).tolist() == [16294208416658607535, 10451216379200822465, 16490336266968443936]
    assert hash_numbers(np.array([0.5, 2.0**70])).tolist() == [2212977323775943211, 2085855228310397674]


def test_a_million_characters_are_hashed_in_pieces() -> None:
    lengths = np.array([300_000, 5, 0, 400_000, 1], dtype=np.int64)
    text = bytes(np.random.default_rng(0).integers(0, 256, int(lengths.sum()), dtype=np.uint8))
    ends = np.cumsum(lengths)
    alone = [int(hash_texts(text[end - length : end], np.array([length]))[0]) for end, length in zip(ends, lengths, strict=True)]
    assert hash_texts(text, lengths).tolist() == alone


def test_nothing_added_is_nothing_found() -> None:
    assert Quantiles().count == Distinct().number == Moments().count == 0
    assert np.isnan(Quantiles().at([0.5])).all()
    assert Quantiles().below(np.array([1.0])).tolist() == [0]
    assert hash_texts(b"", np.zeros(0, dtype=np.int64)).tolist() == []
    assert hash_texts(b"", np.zeros(2, dtype=np.int64)).tolist() == [16294208416658607535] * 2
