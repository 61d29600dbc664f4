"""How buckets are opened, for all that lies in one: how long an answer is waited for, and how often it is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flyball.core.optional import extra
from flyball.storage.blobsurl import Bucket

with extra("s3"):
    from obstore.store import S3Store


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPatience:
    """How long is waited for one answer, and how often it is asked again (with growing pauses, of at most `pause_seconds`)."""

    answer_seconds: float = 300.0
    retries: int = 6
    pause_seconds: float = 15.0
    total_seconds: float = 120.0


def open_bucket(bucket: Bucket, patience: BucketPatience) -> S3Store:
    """The bucket's objects, of which nothing is asked yet."""
    given: dict[str, Any] = {"endpoint": bucket.endpoint, "region": bucket.region}
    return S3Store(
        bucket.name,
        prefix=bucket.prefix,
        **{name: value for name, value in given.items() if value is not None},
        client_options={
            "timeout": timedelta(seconds=patience.answer_seconds),
            "connect_timeout": timedelta(seconds=min(10.0, patience.answer_seconds)),
            "allow_http": (bucket.endpoint or "").startswith("http://"),
        },
        retry_config={
            "max_retries": patience.retries,
            "retry_timeout": timedelta(seconds=patience.total_seconds),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=patience.pause_seconds), "base": 2},
        },
    )
