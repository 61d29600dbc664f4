"""Which online store a home has: the choice between backends stands here alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flyball.app.location import ONLINE
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.following import Following
from flyball.features.online import OnlineStore

ONLINE_URL = "FLYBALL_ONLINE_URL"
_FAR_SECONDS = 0.05


def write_online(home: Path, environment: Mapping[str, str]) -> OnlineStore:
    """The store for the process that publishes: the Redis that the environment names, else a file of the home.

    Raises:
        OnlineUrlError: the variable names no Redis.
        OnlineStoreError: the home's file cannot be written.
        MissingExtraError: it names a Redis, and what speaks with one is not installed.
    """
    url = environment.get(ONLINE_URL)
    return _redis(url) if url else SqliteOnlineStore.write(home / ONLINE)


def follow_online(home: Path, environment: Mapping[str, str]) -> Following:
    """The same store for a process that answers requests; it need not be there yet.

    Raises:
        OnlineUrlError, MissingExtraError: as `write_online`.
    """
    url = environment.get(ONLINE_URL)
    return Following(_redis(url), pause_seconds=_FAR_SECONDS) if url else Following(SqliteOnlineStore.read(home / ONLINE))


def _redis(url: str) -> OnlineStore:
    from flyball.features._redis import RedisOnlineStore

    return RedisOnlineStore(url)
