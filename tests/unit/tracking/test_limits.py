"""Names and values are refused in the words that MLflow's users know."""

from __future__ import annotations

import pytest

from flyball.core.errors import InvalidError
from flyball.tracking.errors import BatchTooLargeError, FieldError, TooLongError
from flyball.tracking.limits import check_batch, check_key, check_long, check_params, check_tags, is_key


@pytest.mark.parametrize("key", ["a", "a/b", "a b.c-d:e_f", "é", "x" * 250, "a..b"], ids=range(6))
def test_names_that_are_allowed(key: str) -> None:
    assert is_key(key)
    check_key("Metric name", key, path="name")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "A key name must be provided"),
        ("a;b", "Names may only contain alphanumerics"),
        ("a\n", "Names may only contain alphanumerics"),
        ("a\0", "Names may only contain alphanumerics"),
        ("\ud800", "Names may only contain alphanumerics"),
        ("../a", "must not resolve to other names"),
        ("..", "must not resolve to other names"),
        (".", "must not resolve to other names"),
        ("/a", "must not resolve to other names"),
        ("a//b", "This name would resolve to 'a/b'"),
        ("a/", "This name would resolve to 'a'"),
        ("x" * 251, "'Metric name' exceeds the maximum length of 250 characters"),
    ],
    ids=range(12),
)
def test_names_that_are_not(key: str, said: str) -> None:
    assert not is_key(key)
    with pytest.raises(InvalidError, match=said):
        check_key("Metric name", key, path="metrics[0].name")


def test_the_field_is_named() -> None:
    with pytest.raises(FieldError, match=r"Invalid value \"a;b\" for parameter 'params\[1\]\.key' supplied: Names may only"):
        check_params({"ok": "1", "a;b": "2"})
    with pytest.raises(TooLongError, match="'Param value' exceeds the maximum length of 6000 characters"):
        check_params({"a": "x" * 6001})
    with pytest.raises(TooLongError, match=r"'tags\[0\]\.value' exceeds the maximum length of 8000 characters"):
        check_tags({"a": "x" * 8001})
    with pytest.raises(FieldError, match="nonnegative long"):
        check_long("timestamp", -1, least=0)
    with pytest.raises(FieldError, match="valid long"):
        check_long("step", 2**63)


@pytest.mark.parametrize(("metrics", "params", "tags"), [(1001, 0, 0), (0, 101, 0), (0, 0, 101), (950, 30, 30)])
def test_a_batch_has_its_limits(metrics: int, params: int, tags: int) -> None:
    check_batch(metrics=900, params=50, tags=50)
    with pytest.raises(BatchTooLargeError, match="A batch logging request can contain at most"):
        check_batch(metrics=metrics, params=params, tags=tags)
