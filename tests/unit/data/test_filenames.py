"""What names say of files, and which names a pattern means."""

from __future__ import annotations

import pytest

from flyball.data.declared.files import FileSource, files
from flyball.data.errors import DatasetError
from flyball.data.sources.files.names import Kind, compile_pattern, is_hidden, kind_of, split_pattern


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", Kind("csv")),
        ("A.CSV.GZ", Kind("csv", "gzip")),
        ("a.tsv.zst", Kind("tsv", "zstd")),
        ("a.jsonl.bz2", Kind("ndjson", "bzip2")),
        ("a.ndjson.xz", Kind("ndjson", "xz")),
        ("2013/a.parquet", Kind("parquet")),
        ("a.feather", Kind("arrow")),
        ("a.xlsx", Kind("excel")),
        ("a.txt", None),
        ("csv", None),
        ("a.gz", None),
    ],
)
def test_the_ending_says_format_and_packing(name: str, kind: Kind | None) -> None:
    assert kind_of(name) == kind


def test_what_is_declared_counts_more_than_the_ending() -> None:
    assert kind_of("log.2013.gz", declared="csv") == Kind("csv", "gzip")
    assert kind_of("a.txt", declared="tsv") == Kind("tsv")


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("data/flights", ("data/flights", None)),
        ("data/*.csv", ("data", "*.csv")),
        ("*.csv", (".", "*.csv")),
        ("/var/log/**/a-?.csv", ("/var/log", "**/a-?.csv")),
        ("/*.csv", ("/", "*.csv")),
        ("y=[12]/a.csv", (".", "y=[12]/a.csv")),
    ],
)
def test_a_pattern_begins_where_its_first_sign_does(path: str, parts: tuple[str, str | None]) -> None:
    assert split_pattern(path) == parts


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.csv", ["a.csv", ".csv"], ["a/b.csv", "a.csvx", "a.csv\n"]),
        ("**/*.csv", ["a.csv", "x/a.csv", "x/y/a.csv"], ["x/a.txt"]),
        ("x/**/y/*.csv", ["x/y/a.csv", "x/1/2/y/a.csv"], ["x/a.csv", "xy/a.csv"]),
        ("a-?.csv", ["a-1.csv"], ["a-.csv", "a-12.csv", "a-/.csv"]),
        ("a[!0-8].csv", ["a9.csv", "a^.csv"], ["a8.csv"]),
        ("a[^1].csv", ["a^.csv", "a1.csv"], ["a2.csv"]),
        ("a[.csv", ["a[.csv"], ["a.csv"]),
        ("a+(b).csv", ["a+(b).csv"], ["aab.csv"]),
    ],
)
def test_a_pattern_means_what_it_means_in_a_shell(pattern: str, yes: list[str], no: list[str]) -> None:
    found = compile_pattern(pattern)
    assert all(found.match(name) for name in yes)
    assert not any(found.match(name) for name in no)


def test_unfinished_work_is_hidden() -> None:
    assert is_hidden(".a.csv")
    assert is_hidden("_temporary/0/a.csv")
    assert not is_hidden("_a.csv")


def test_options_are_kept_as_a_value() -> None:
    source = files("a/*.csv", every="10m", times={"b": "ms", "a": "%d.%m.%Y"}, time_zone="Europe/Berlin")
    assert source == files("a/*.csv", every="10m", times={"a": "%d.%m.%Y", "b": "ms"}, time_zone="Europe/Berlin")
    assert hash(source) == hash(files("a/*.csv", every="10m", times={"a": "%d.%m.%Y", "b": "ms"}, time_zone="Europe/Berlin"))
    assert source.reading() == {"times": (("a", "%d.%m.%Y"), ("b", "ms")), "time_zone": "Europe/Berlin", "ambiguous": "refuse"}
    assert FileSource("a").reading() == {}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"format": "docx"}, "there is no format 'docx'"),
        ({"formt": "csv"}, "did you mean 'format'"),
        ({"time_zone": "America/New_Yrok"}, "there is no time zone"),
        ({"time_zone": "../../etc/passwd"}, "there is no time zone"),
        ({"ambiguous": "both"}, "not one of refuse, earlier, later"),
        ({"times": {"at": "epoch"}}, "no form of a time"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_option_that_can_never_be_right_is_refused(options: dict[str, str], why: str) -> None:
    with pytest.raises(DatasetError, match=why):
        files("a.csv", **options)  # type: ignore[arg-type]  # the case under test


@pytest.mark.parametrize("path", ["", "a\0b", "s3://", "s3:///a"])
def test_a_path_that_names_nothing_is_refused(path: str) -> None:
    with pytest.raises(DatasetError):
        files(path)
