"""What goes wrong with blobs in a bucket; their base classes say what kind of trouble it is.

::

    UnavailableError ── BucketUnreachableError, BucketRefusedError
    InvalidError ── BlobsUrlError
"""

from __future__ import annotations

import re

from flyball.core.errors import InvalidError, UnavailableError

_CODE = re.compile(r"<Code>(\w{1,64})</Code>")


def reason_of(error: Exception) -> str:
    """What the error says in its first line, without the document that the server sent."""
    words = str(error)
    line = words.partition("\n")[0].partition("<")[0].strip(" :")
    code = _CODE.search(words)
    return f"{line[:300]}{f' ({code[1]})' if code else ''}"


class BucketUnreachableError(UnavailableError):
    """The server did not answer, or not as it should."""

    code = "bucket-unreachable"

    def __init__(self, place: str, error: Exception) -> None:
        super().__init__(
            f"The blobs at {place} could not be reached: {reason_of(error)}. It was tried several times; nothing was half-written."
        )
        self.place = place


class BucketRefusedError(UnavailableError):
    """The server does not let us in, or not do that."""

    code = "bucket-refused"

    def __init__(self, place: str, error: Exception) -> None:
        super().__init__(
            f"The blobs at {place} may not be used with these credentials: {reason_of(error)}. "
            "Look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and at what the bucket allows."
        )
        self.place = place


class BlobsUrlError(InvalidError):
    """A URL that names no place for blobs."""

    code = "blobs-url"

    variable = "FLYBALL_BLOBS_URL"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"{self.variable} cannot be used: {reason}. Write s3://BUCKET/PREFIX, with ?endpoint=URL&region=NAME where it is not "
            "Amazon's, or file:/DIRECTORY. Credentials come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY."
        )
