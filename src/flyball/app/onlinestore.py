"""Which online store a home has: the choice between backends stands here alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flyball.app.location import ONLINE
from flyball.features._sqlite import SqliteOnlineStore
from flyball.features.following import Following
from flyball.features.online import OnlineStore
from flyball.storage.clockfile import clock_path

if TYPE_CHECKING:
    from flyball.features._redis import RedisOnlineStore

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

    On a clock of the home's own each request looks into its file: thousands of times as fast as real time, a moment is hours.

    Raises:
        OnlineUrlError, MissingExtraError: as `write_online`.
    """
    url = environment.get(ONLINE_URL)
    if url:
        return Following(_redis(url), pause_seconds=_FAR_SECONDS)
    return Following(SqliteOnlineStore.read(home / ONLINE), at_once=clock_path(home).exists())


def empty_online(environment: Mapping[str, str]) -> bool:
    """Nothing is left in a store that lies elsewhere; whether there was something. A home's own file goes with the home.

    Raises:
        OnlineStoreError: it cannot be written.
        OnlineUrlError, MissingExtraError: as `write_online`.
    """
    url = environment.get(ONLINE_URL)
    if not url:
        return False
    store = _redis(url)
    try:
        return store.clear()
    finally:
        store.close()


def _redis(url: str) -> RedisOnlineStore:
    from flyball.features._redis import RedisOnlineStore

    return RedisOnlineStore(url)
