"""Which version answers which row, decided before rows are computed together: by what the request wants, then by what its rows say.

A decision depends on the plan and on what a row says alone, never on the rows beside it, on time or on the process: every server and
worker decides alike, and a caller who comes again is answered by the same version for as long as the plan stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from flyball.kernels.routing import rendezvous
from flyball.serving.asked import Wants
from flyball.serving.policies import Bandit, Segments, Weights, text_of
from flyball.serving.rowform import Rows
from flyball.serving.version import LoadedEndpoint, LoadedVersion

CHAMPION, CANARY, CHALLENGER, PINNED = "champion", "canary", "challenger", "pinned"
FALLBACK, SHADOW, BATCH = "fallback", "shadow", "batch"
STOOD_IN_FOR = frozenset({CANARY, CHALLENGER})
"""The routes of versions for which the champion stands in where they fail."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`version` answers these rows by `route`; `rows` None is all there are."""

    version: LoadedVersion
    route: str
    rows: Sequence[int] | None = None


def decide(endpoint: LoadedEndpoint, rows: Rows, *, keys: Sequence[str], wants: Wants) -> Sequence[Choice]:
    """Who answers, each row once; `keys` are those of the rows, or their ids where they have none.

    The canary's share is drawn first, by the law of the backtest; the policy shares what is left, by a draw of its own. Features go to
    the champion, and to others that take the same; what falls to one that takes others is the champion's.
    """
    champion, plan = endpoint.champion, endpoint.plan
    assert champion is not None, "only what `Serving.get` gave is asked"
    if wants.version is not None:
        return [Choice(endpoint.get_version(wants.version, vector=wants.vector), BATCH if wants.batch else PINNED)]
    if plan.canary is None and plan.policy is None:
        return [Choice(champion, CHAMPION)]
    names = rows.texts(plan.sticky) if plan.sticky and (not wants.vector or _says(rows, plan.sticky)) else keys
    numbers = _by_policy(endpoint, rows, names=names)
    for row in endpoint.canary_rows(names):
        numbers[row] = plan.canary or champion.number
    parts: dict[int, list[int]] = {}
    for row, number in enumerate(numbers):
        parts.setdefault(_able(endpoint, number, vector=wants.vector), []).append(row)
    return [
        Choice(endpoint.versions[number], _route(endpoint, number), None if len(parts) == 1 else theirs) for number, theirs in parts.items()
    ]


def _says(rows: Rows, columns: Sequence[str]) -> bool:
    """Whether finished features came with these columns beside them."""
    return all(any(value is not None for value in rows.columns.get(name, ())) for name in columns)


def _able(endpoint: LoadedEndpoint, number: int, *, vector: bool) -> int:
    if vector and not endpoint.takes_vectors(endpoint.versions[number]):
        return endpoint.plan.champion or number
    return number


def _by_policy(endpoint: LoadedEndpoint, rows: Rows, *, names: Sequence[str]) -> list[int]:
    """The number of the version that each row falls to without the canary."""
    plan = endpoint.plan
    champion = plan.champion or 0
    match plan.policy:
        case None:
            return [champion] * len(names)
        case Weights(shares=shares) | Bandit(shares=shares):
            return list(map(int, rendezvous(names, plan.endpoint, weights={str(number): share for number, share in shares.items()})))
        case Segments(column=column, values=values):
            found = rows.columns.get(column)
            if found is None:
                return [champion] * len(names)
            return [champion if (text := text_of(value)) is None else values.get(text, champion) for value in found]
        case _:
            assert_never(plan.policy)


def _route(endpoint: LoadedEndpoint, number: int) -> str:
    if number == endpoint.plan.champion:
        return CHAMPION
    return CANARY if number == endpoint.plan.canary else CHALLENGER
