"""The online store on a Redis server, for model servers on several hosts: https://redis.io/docs/latest/.

Below a prefix: hashes of values per table, and beside each a sorted set that says with which write an entity changed last, so that
readers are told what is new and nothing else. Every operation is one script, which Redis runs whole or not at all.

A Redis that loses its last writes (a restart from an older snapshot), or all of them, is noticed by the writer, which looks at the
store's identity and number: its next write gives the store a new identity, so that readers read it anew.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flyball.core.ids import Ids, RandomIds
from flyball.core.optional import extra
from flyball.features.errors import OnlineStoreError, OnlineUrlError
from flyball.features.online import Changes, Revision, TableChanges, TableWrite

with extra("redis"):
    import redis

ANSWER_SECONDS = 5.0
PREFIX = "flyball"
_SCHEMES = ("redis", "rediss", "unix")

# KEYS: store, tables, closed. ARGV: the prefix of tables, an identity for a new store, the number of our last write or "", and for each
# table its name, its boundary or "", how many values follow, and entity, 1 or 0 for whether it has a value, and the value.
_SET = """
local identity, number = redis.call('HGET', KEYS[1], 'identity'), tonumber(redis.call('HGET', KEYS[1], 'number') or '0')
if not identity or (ARGV[3] ~= '' and number < tonumber(ARGV[3])) then
  identity = ARGV[2]
end
number = number + 1
redis.call('HSET', KEYS[1], 'identity', identity, 'number', number)
local at = 4
while at <= #ARGV do
  local name, closed, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  redis.call('HSETNX', KEYS[2], name, number)
  if closed ~= '' then redis.call('HSET', KEYS[3], name, closed) end
  local values, numbers = ARGV[1] .. 'v:' .. name, ARGV[1] .. 'n:' .. name
  for _ = 1, count do
    if ARGV[at + 1] == '1' then redis.call('HSET', values, ARGV[at], ARGV[at + 2]) else redis.call('HDEL', values, ARGV[at]) end
    redis.call('ZADD', numbers, number, ARGV[at])
    at = at + 3
  end
end
return {identity, number}
"""
# ARGV: the prefix of tables, the reader's identity and number, and the names that it wants.
_CHANGES = """
local identity, number = redis.call('HGET', KEYS[1], 'identity') or '', tonumber(redis.call('HGET', KEYS[1], 'number') or '0')
local after = -1
if identity == ARGV[2] and tonumber(ARGV[3]) <= number then after = tonumber(ARGV[3]) end
local found = {}
for place = 4, #ARGV do
  local name = ARGV[place]
  local made = redis.call('HGET', KEYS[2], name)
  if made then
    local fresh = tonumber(made) > after
    local low = fresh and '-inf' or '(' .. after
    local entities = redis.call('ZRANGEBYSCORE', ARGV[1] .. 'n:' .. name, low, '+inf')
    local values = {}
    for start = 1, #entities, 1000 do
      local some = redis.call('HMGET', ARGV[1] .. 'v:' .. name, unpack(entities, start, math.min(start + 999, #entities)))
      for _, value in ipairs(some) do values[#values + 1] = value end
    end
    found[#found + 1] = {name, redis.call('HGET', KEYS[3], name), fresh and 1 or 0, entities, values}
  end
end
return {identity, number, found}
"""
# ARGV: the prefix of tables, and the names that stay.
_KEEP = """
local kept = {}
for place = 2, #ARGV do kept[ARGV[place]] = true end
for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
  if not kept[name] then
    redis.call('DEL', ARGV[1] .. 'v:' .. name, ARGV[1] .. 'n:' .. name)
    redis.call('HDEL', KEYS[2], name)
    redis.call('HDEL', KEYS[3], name)
  end
end
"""


class RedisOnlineStore:
    """An `OnlineStore` below a prefix of a Redis database; it connects when it is first asked, and again after a failure."""

    def __init__(self, url: str, *, ids: Ids | None = None, answer_seconds: float = ANSWER_SECONDS) -> None:
        """The store at ``redis://[[USER]:PASSWORD@]HOST[:PORT]/DB?prefix=NAME``; nothing is asked of a server yet.

        Raises:
            OnlineUrlError: the URL names no Redis database.
        """
        self._ids = ids or RandomIds()
        bare, prefix = _parsed(url)
        self._shown, self._lock, self._number = _shown(url), Lock(), ""
        base = f"{{{prefix}:online}}:"  # in braces, so that all keys lie on one node of a cluster
        self._base, self._keys = base, [f"{base}store", f"{base}tables", f"{base}closed"]
        try:
            self._redis = redis.Redis.from_url(bare, socket_connect_timeout=answer_seconds, socket_timeout=answer_seconds, retry=None)
        except ValueError as error:
            raise OnlineUrlError(self._shown, str(error)) from error
        self._set, self._changes, self._keep = (self._redis.register_script(script) for script in (_SET, _CHANGES, _KEEP))

    def set(self, tables: Mapping[str, TableWrite]) -> Revision:
        with self._lock, self._translated():
            arguments: list[Any] = [self._base, self._ids.create("onl"), self._number]
            for name, write in tables.items():
                arguments += [name, "" if write.closed is None else write.closed, len(write.values)]
                for entity, value in write.values.items():
                    arguments += [entity, int(value is not None), b"" if value is None else value]
            identity, number = self._set(keys=self._keys, args=arguments)
            self._number = str(number)
            return Revision(identity.decode(), number)

    def changes_after(self, revision: Revision, tables: Collection[str]) -> Changes:
        with self._translated():
            asked: list[Any] = [self._base, revision.store, revision.number, *tables]
            identity, number, found = self._changes(keys=self._keys, args=asked)
        changes = {
            name.decode(): TableChanges(dict(zip(entities, values, strict=True)), None if closed is None else int(closed), bool(fresh))
            for name, closed, fresh, entities, values in found
        }
        changes = {name: _only_values(table) if table.fresh else table for name, table in changes.items()}
        return Changes(Revision(identity.decode(), number), changes)

    def revision(self) -> Revision:
        with self._translated():
            found: Any = self._redis.hmget(self._keys[0], ["identity", "number"])
        return Revision((found[0] or b"").decode(), int(found[1] or 0))

    def version(self) -> Hashable:
        return self.revision()

    def keep(self, tables: Collection[str]) -> None:
        with self._translated():
            self._keep(keys=self._keys, args=[self._base, *tables])

    def clear(self) -> bool:
        """Nothing is left below the prefix; whether there was something. Whoever writes next begins a new store.

        Raises:
            OnlineStoreError: the server cannot be written.
        """
        self.keep([])
        with self._translated():
            return bool(self._redis.delete(*self._keys))

    def close(self) -> None:
        self._redis.close()

    def list(self) -> list[str]:
        with self._translated():
            names: Any = self._redis.hkeys(self._keys[1])
            return sorted(name.decode() for name in names)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError) as error:
            raise OnlineStoreError(self._shown, str(error).partition("\n")[0] or type(error).__name__) from error


def _only_values(table: TableChanges) -> TableChanges:
    """Of a table that is read whole, nobody needs to be told what is gone."""
    return TableChanges({entity: value for entity, value in table.values.items() if value is not None}, table.closed, table.fresh)


def _parsed(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not (parts.netloc or parts.path):
        raise OnlineUrlError(_shown(url), f"it begins with none of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")
    options = dict(parse_qsl(parts.query))
    prefix = options.pop("prefix", PREFIX)
    if options:
        raise OnlineUrlError(_shown(url), f"there is no option {next(iter(options))!r}, only 'prefix'")
    return parts._replace(query="").geturl(), prefix


def _shown(url: str) -> str:
    """The URL without what may be secret."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
