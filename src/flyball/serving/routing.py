"""Which version answers which row, decided before rows are computed together: by what the request wants, then by what its rows say.

A decision depends on the plan and on what a row says alone, never on the rows beside it, on time or on the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flyball.serving.asked import Wants
from flyball.serving.rowform import Rows
from flyball.serving.version import LoadedEndpoint, LoadedVersion

CHAMPION, CANARY, PINNED, FALLBACK = "champion", "canary", "pinned", "fallback"


@dataclass(frozen=True, slots=True)
class Choice:
    """`version` answers these rows by `route`; `rows` None is all there are."""

    version: LoadedVersion
    route: str
    rows: Sequence[int] | None = None


def decide(endpoint: LoadedEndpoint, rows: Rows, *, keys: Sequence[str], wants: Wants) -> Sequence[Choice]:
    """Who answers, each row once; `keys` are those of the rows, or their ids where they have none.

    Features go to the champion, and to others that take the same.
    """
    champion, canary = endpoint.champion, endpoint.canary
    assert champion is not None, "only what `Serving.get` gave is asked"
    if wants.version is not None:
        return [Choice(endpoint.get_version(wants.version, vector=wants.vector), PINNED)]
    if canary is None or (wants.vector and not endpoint.takes_vectors(canary)):
        return [Choice(champion, CHAMPION)]
    sticky = endpoint.plan.sticky
    theirs = endpoint.canary_rows(rows.texts(sticky) if sticky and not wants.vector else keys)
    if not theirs:
        return [Choice(champion, CHAMPION)]
    taken = set(theirs)
    rest = [row for row in range(rows.n) if row not in taken]
    return [Choice(canary, CANARY, theirs), *([Choice(champion, CHAMPION, rest)] if rest else [])]
