"""A URL of a place for blobs is understood whole, or refused without being repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.app.blobplace import blobs_url, open_blobs
from flyball.storage._localblobs import LocalBlobs
from flyball.storage._s3blobs import S3Blobs
from flyball.storage.blobsurl import Bucket, parse_blobs_url
from flyball.storage.bucketerrors import BlobsUrlError


def test_buckets_and_directories() -> None:
    assert parse_blobs_url("file:/srv/blobs%20here") == parse_blobs_url("file:///srv/blobs%20here") == Path("/srv/blobs here")
    assert parse_blobs_url("s3://models/team/home/") == Bucket(name="models", prefix="team/home")
    local = parse_blobs_url("s3://models/home?endpoint=http%3A//127.0.0.1:9000&region=eu-west-1")
    assert local == Bucket(name="models", prefix="home", endpoint="http://127.0.0.1:9000", region="eu-west-1")


@pytest.mark.parametrize(
    "text",
    [
        "", "models", "/srv/blobs", "file:blobs", "file://host/blobs", "http://models/home", "s3://", "s3:///home", "s3://models", "s3://Models/home",
        "s3://models/../home", "s3://models/a//b", "s3://models/a b", "s3://models/home#x", "s3://hidden-key:hidden-secret@models/home",
        "s3://models/home?secret=hidden-secret", "s3://models/home?endpoint=file:///etc", "s3://models/home?endpoint", "s3://[models/home",
    ],
)  # fmt: skip
def test_what_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(BlobsUrlError) as caught:
        parse_blobs_url(text)
    assert "hidden-secret" not in str(caught.value)


def test_a_home_has_its_own_blobs_where_nothing_else_is_said(tmp_path: Path) -> None:
    assert blobs_url({}) is None
    assert blobs_url({"FLYBALL_BLOBS_URL": ""}) is None
    found = open_blobs(tmp_path, blobs_url({}))
    assert isinstance(found, LocalBlobs)
    assert found.root == tmp_path / "blobs"
    other = open_blobs(tmp_path, blobs_url({"FLYBALL_BLOBS_URL": f"file:{tmp_path}/elsewhere"}))
    assert isinstance(other, LocalBlobs)
    assert other.root == tmp_path / "elsewhere"
    assert isinstance(open_blobs(tmp_path, "s3://models/home?region=x"), S3Blobs)
