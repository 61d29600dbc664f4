"""Redis Streams: https://redis.io/docs/latest/develop/data-types/streams/, read as one consumer of one group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flyball.core.optional import extra
from flyball.data.declared.streams import RedisStreamSource
from flyball.data.sources.messages import Message
from flyball.data.streamerrors import StreamKindError, StreamUnreachableError, StreamUrlError

with extra("redis"):
    import redis

CONSUMER = "flyball"
ANSWER_SECONDS = 5.0
ABANDONED_MS = 60_000
"""What another consumer of the group has had for so long is taken over: it is not coming back."""
_FIRST, _NEW = "0", ">"


class RedisStream:
    """A `MessageSource` on a Redis server; it connects when it is first asked."""

    def __init__(self, source: RedisStreamSource, environment: Mapping[str, str], *, abandoned_ms: int = ABANDONED_MS) -> None:
        self._source, self._abandoned_ms = source, abandoned_ms
        self._url = _url(source.url_variable, environment)
        self._redis: redis.Redis | None = None
        self._after: str | None = _FIRST  # up to where of what we had and did not acknowledge was handed out; None: all of it
        self._claimed: str | None = None  # where to go on to take over what others left; None: not to be looked for now

    def read(self, limit: int, *, wait_seconds: float) -> Sequence[Message]:
        with self._translated():
            server = self._server()
            if self._after is not None:
                found = self._ask(server, self._after, limit=limit)
                if found:
                    self._after = found[-1].offset
                    return found
                self._after, self._claimed = None, "0-0"
            if self._claimed is not None:
                found = self._claim(server, limit)
                if found:
                    return found
            return self._ask(server, _NEW, limit=limit, wait_seconds=wait_seconds)

    def acknowledge(self, offsets: Sequence[str]) -> None:
        if offsets:
            with self._translated():
                self._server().xack(self._source.stream, self._source.group, *offsets)

    def close(self) -> None:
        if self._redis is not None:
            self._redis.close()
        self._redis, self._after = None, _FIRST

    def _server(self) -> redis.Redis:
        if self._redis is None:
            made = redis.Redis.from_url(self._url, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS, retry=None)
            try:
                self._make_group(made)
            except BaseException:
                made.close()
                raise
            self._redis = made
        return self._redis

    def _make_group(self, server: redis.Redis) -> None:
        try:
            server.xgroup_create(self._source.stream, self._source.group, id=_FIRST, mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _ask(self, server: redis.Redis, after: str, *, limit: int, wait_seconds: float = 0.0) -> list[Message]:
        block = max(1, int(1000 * min(wait_seconds, ANSWER_SECONDS / 2)))
        found: Any = server.xreadgroup(self._source.group, CONSUMER, {self._source.stream: after}, count=limit, block=block)
        streams = found.values() if isinstance(found, dict) else [entries for _, entries in found or []]
        return [message for entries in streams for message in _messages(entries)]

    def _claim(self, server: redis.Redis, limit: int) -> list[Message]:
        source, start = self._source, self._claimed or "0-0"
        found: Any = server.xautoclaim(source.stream, source.group, CONSUMER, min_idle_time=self._abandoned_ms, start_id=start, count=limit)
        after = found[0].decode()
        self._claimed = None if after == "0-0" else after
        return list(_messages(found[1]))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The library's errors become ours; after one, what was handed out comes again."""
        shown = self._source.describe()
        try:
            yield
        except redis.ResponseError as error:
            self.close()
            if str(error).startswith("NOGROUP"):  # the stream was deleted; whoever writes to it next makes it anew
                raise StreamUnreachableError(shown, "the stream or its group was deleted, and is made anew") from error
            if str(error).startswith(("WRONGTYPE", "NOPERM", "ERR unknown command")):
                raise StreamKindError(shown, str(error)) from error
            raise StreamUnreachableError(shown, str(error)) from error
        except (redis.RedisError, OSError) as error:
            self.close()
            raise StreamUnreachableError(shown, _plain(error)) from error
        except BaseException:
            self.close()
            raise


def _messages(entries: Any) -> Iterator[Message]:
    for entry in entries or []:
        if entry is None or entry[0] is None:
            continue
        offset, fields = entry
        yield Message(offset.decode(), {_name(name): value for name, value in fields.items()} if fields else None)


def _name(name: bytes) -> str:
    return name.decode(errors="replace")


def _url(variable: str, environment: Mapping[str, str]) -> str:
    url = environment.get(variable, "")
    if not url:
        raise StreamUrlError(variable, "is not set")
    try:
        redis.connection.parse_url(url)  # type: ignore[no-untyped-call]  # it ships no types of it
    except ValueError as error:
        raise StreamUrlError(variable, "holds no URL of a Redis server") from error
    return url


def _plain(error: BaseException) -> str:
    """What went wrong, without the address."""
    return {"AuthenticationError": "it does not let us in", "TimeoutError": "it does not answer in time"}.get(
        type(error).__name__, "no connection"
    )
