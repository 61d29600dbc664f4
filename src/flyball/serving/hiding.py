"""What of a record does not stand in the log as it came, because it says too much of somebody."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache

from msgspec import structs

from flyball.serving.columns import Column
from flyball.serving.logspec import LogPlan
from flyball.serving.record import Answered


class Hiding:
    """Takes out what a plan masks, and puts digests for what it hashes. `secret` gives their key; who hides nothing needs none."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        self._secret = cache(secret)

    def hidden(self, plan: LogPlan, record: Answered) -> Answered:
        """The record without what the plan hides; itself where that is nothing."""
        if not plan.hides:
            return record
        request, types = dict(record.request), dict(zip(record.request, record.request_types, strict=False))
        for name in plan.mask:
            if name in request:
                request[name] = [None] * len(request[name])
        for name in plan.hash:
            if name in request:
                request[name] = self._digests(name, request[name])
                types[name] = "String"
        # What a version said of rows that it failed may repeat them.
        error = None if record.error is None else record.error.partition(":")[0]
        named: list[str] = [types[name] for name in request] if record.request_types else []
        return structs.replace(record, request=request, request_types=named, error=error)

    def _digests(self, name: str, values: Column) -> Column:
        return [None if value is None else self._digest(f"{name}\x1f{value}") for value in values]

    def _digest(self, text: str) -> str:
        return hashlib.blake2b(text.encode(), key=self._secret(), digest_size=16).hexdigest()
