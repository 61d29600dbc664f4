"""When it is worth asking again, for those errors of which that can be said: the doors tell it, each in its own way."""

from __future__ import annotations

from flyball.core.errors import FlyballError, UnavailableError
from flyball.governance.errors import RateLimitedError
from flyball.predict.errors import QuotaError, TooManyInsideError
from flyball.serving.errors import NotDeployedError

SOON_SECONDS, RELEASE_SECONDS = 1, 5


def retry_seconds(error: FlyballError) -> int | None:
    """In how many seconds to ask again; None where asking again changes nothing."""
    match error:
        case RateLimitedError() | QuotaError() | TooManyInsideError():
            return error.retry_seconds
        case NotDeployedError():
            return RELEASE_SECONDS
        case UnavailableError():
            return SOON_SECONDS
    return None
