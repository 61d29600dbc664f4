"""No text becomes a path that any reader could take for another one."""

from __future__ import annotations

import posixpath
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.tracking.artifact import Root, RootKind, parse_source
from flyball.tracking.artifacterrors import ArtifactPathError, ArtifactSourceError
from flyball.tracking.artifactpath import find_fault, parse_directory, parse_path

RUN, MODEL = "0123456789abcdef0123456789abcdef", "m-" + "0123456789abcdef" * 2
EVIL = {
    "parent": "..",
    "parent-first": "../secret",
    "parent-inside": "a/../../secret",
    "parent-last": "a/..",
    "here": "./a",
    "here-inside": "a/./b",
    "encoded-dot": "%2e%2e/secret",
    "encoded-slash": "..%2fsecret",
    "encoded-capital": "a%2F..%2F..%2Fsecret",
    "encoded-twice": "%252e%252e%252fsecret",
    "encoded-nul": "a%00.txt",
    "overlong": "%c0%ae%c0%ae/secret",
    "backslash": "..\\secret",
    "backslash-inside": "a\\..\\..\\secret",
    "nul": "a\x00.txt",
    "newline": "a\nb",
    "escape": "a\x1b[2Jb",
    "delete": "a\x7f",
    "fragment": "a#b",
    "query": "a?b=c",
    "absolute": "/etc/passwd",
    "absolute-twice": "//etc/passwd",
    "file": "file:///etc/passwd",
    "file-short": "file:/etc/passwd",
    "url": "http://evil.example/a",
    "s3": "s3://bucket/a",
    "drive": "C:\\Windows",
    "drive-relative": "C:secret",
    "unc": "\\\\host\\share",
    "unc-slashes": "//host/share",
    "device": "\\\\?\\C:\\a",
    "four-kilobytes": "a/" * 2048 + "b",
    "long-name": "a" * 256,
    "long-name-in-bytes": "é" * 128,
    "two-dot-leader": "\u2025/secret",
    "three-dots": "a/\u2026",
    "one-dot-leaders": "\u2024\u2024/secret",
    "full-width-dots": "\uff0e\uff0e/secret",
    "full-width-slash": "..\uff0fsecret",
    "full-width-slash-alone": "a\uff0fb",
    "full-width-backslash": "a\uff3cb",
    "full-width-percent": "\uff052e\uff052e/secret",
    "full-width-colon": "file\uff1a/etc/passwd",
    "account-of": "a\u2100b",
    "empty": "",
    "empty-inside": "a//b",
    "trailing-slash": "a/",
    "trailing-dot": "a./b",
    "trailing-dots": "a...",
    "trailing-space": "a /b",
    "leading-space": " a",
    "right-to-left": "a\u202egpj.exe",
    "line-separator": "a\u2028b",
    "surrogate": "a\udc80b",
}  # fmt: skip
GOOD = (
    "a", "model/MLmodel", "plots/roc curve.png", "50%.txt", "a%zz", "..a", ".hidden", "a..b", "métrique.json",
    "模型/重み.bin", "何\uff1f.txt", "½.csv",
    "a" * 255, "-rf", "~", "$HOME", "a;b", "a|b", "1:1", "conda.yaml", "data/part=1/x.parquet",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(EVIL))
def test_what_could_be_read_otherwise_is_refused(name: str) -> None:
    with pytest.raises(ArtifactPathError, match="Invalid artifact path"):
        parse_path(EVIL[name])


@pytest.mark.parametrize("name", sorted(set(EVIL) - {"empty", "trailing-slash"}))
def test_directories_roots_and_sources_are_refused_alike(name: str) -> None:
    evil = EVIL[name]
    with pytest.raises(ArtifactPathError):
        parse_directory(evil)
    with pytest.raises(ArtifactPathError):
        Root.parse(f"0/{RUN}/artifacts/{evil}")
    for source in (f"runs:/{RUN}/{evil}", f"mlflow-artifacts:/0/{RUN}/artifacts/{evil}", f"models:/{MODEL}/{evil}", evil):
        with pytest.raises((ArtifactPathError, ArtifactSourceError)):
            parse_source(source)


@pytest.mark.parametrize("text", GOOD, ids=range(len(GOOD)))
def test_plain_names_of_any_language_are_paths(text: str) -> None:
    assert parse_path(text) == text
    assert parse_directory(text + "/") == text


def test_the_uppermost_directory_is_empty() -> None:
    assert parse_directory("") == ""


@given(st.text(max_size=40) | st.text(alphabet="./\\%2eF#?: aé\uff0e\uff0f\x00", max_size=20))
def test_what_passes_stays_below_wherever_it_is_written(text: str) -> None:
    if find_fault(text) is not None:
        return
    for read in (text, unquote(text), unquote(unquote(text)), unicodedata.normalize("NFKC", text)):
        assert posixpath.normpath(posixpath.join("/files", read)).startswith("/files/")
        assert not PurePosixPath(read).is_absolute()
        assert not PureWindowsPath(read).drive
        assert not PureWindowsPath(read).root
        assert ".." not in PureWindowsPath(read).parts
    assert unquote(text) == text


def test_a_root_is_a_run_or_a_model() -> None:
    assert Root.parse(f"0/{RUN}/artifacts/model/MLmodel") == (Root(RootKind.RUN, "0", RUN), "model/MLmodel")
    assert Root.parse(f"0/{RUN}/artifacts") == (Root(RootKind.RUN, "0", RUN), "")
    assert Root.parse(f"12/models/{MODEL}/artifacts/model.pkl") == (Root(RootKind.MODEL, "12", MODEL), "model.pkl")
    assert str(Root(RootKind.MODEL, "12", MODEL)) == f"12/models/{MODEL}/artifacts"


@pytest.mark.parametrize(
    "text",
    ["a", f"0/{RUN}", f"0/{RUN}/other/a", f"x/{RUN}/artifacts/a", "0/models/artifacts/a", f"0/models/{RUN}/artifacts", "0/a b/artifacts/c"],
)  # fmt: skip
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ArtifactPathError):
        Root.parse(text)


def test_sources_name_their_owner() -> None:
    assert parse_source(f"runs:/{RUN}/model") == (RootKind.RUN, None, RUN, "model")
    assert parse_source(f"models:/{MODEL}") == (RootKind.MODEL, None, MODEL, "")
    assert parse_source(f"mlflow-artifacts:/3/{RUN}/artifacts/model") == (RootKind.RUN, "3", RUN, "model")
    assert parse_source(f"mlflow-artifacts:/3/models/{MODEL}/artifacts") == (RootKind.MODEL, "3", MODEL, "")


@pytest.mark.parametrize(
    "text",
    ["", "model", "s3://bucket/a", "file:///etc", f"mlflow-artifacts://host/3/{RUN}/artifacts/a", "models:/name/1", "dbfs:/a", "runs:"],
)  # fmt: skip
def test_sources_that_lie_elsewhere_are_refused(text: str) -> None:
    with pytest.raises((ArtifactSourceError, ArtifactPathError)):
        parse_source(text)
