"""The key of digests that stand for personal data in the log: equal values stay equal, and nobody can try values without it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

LOG_SECRET = "FLYBALL_LOG_SECRET"  # noqa: S105  a variable's name
"""The setting that gives model servers of several hosts one key."""
_FILE = Path("keys", "predictions.secret")


def log_secret(home: Path, environment: Mapping[str, str]) -> bytes:
    """The key: of the setting, else the home's own, which is made at first need.

    Raises:
        ErasureSecretError: the file is damaged.
        UnavailableError: it cannot be read or written.
    """
    from flyball.data.erasure.keys import Marker  # with libraries that a server which hides nothing needs not

    given = environment.get(LOG_SECRET)
    return hashlib.sha256(given.encode()).digest() if given else Marker.at(home / _FILE).secret
