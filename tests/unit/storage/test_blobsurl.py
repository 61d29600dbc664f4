"""A URL of a place for blobs is understood whole, or refused without being repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.app.blobs import home_blobs, open_blobs
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


def test_the_url_chooses_the_store(tmp_path: Path) -> None:
    local = open_blobs(f"file:{tmp_path}/elsewhere", cache=tmp_path)
    assert isinstance(local, LocalBlobs)
    assert local.root == tmp_path / "elsewhere"
    assert isinstance(open_blobs("s3://models/home?region=x", cache=tmp_path), S3Blobs)


def test_a_reader_of_a_home_finds_its_blobs_by_the_environment(tmp_path: Path) -> None:
    own = home_blobs(tmp_path, {"FLYBALL_BLOBS_URL": ""})
    assert isinstance(own, LocalBlobs)
    assert own.root == tmp_path / "blobs"
    assert isinstance(home_blobs(tmp_path, {"FLYBALL_BLOBS_URL": "s3://models/home?region=x"}), S3Blobs)
