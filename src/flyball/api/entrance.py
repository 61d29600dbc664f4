"""Whom a control plane lets in: its names, its owner, its sessions and its tokens."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.governance import Authority, Boundary, HostGuard, OwnerToken, Sessions, TokenBook
from flyball.governance.service import TokenService


@dataclass(frozen=True)
class Entrance:
    """Without a `token` everybody who passes the guard is the owner. `tokens` gives tokens, `book` knows them again."""

    guard: HostGuard
    token: OwnerToken | None
    sessions: Sessions
    tokens: TokenService | None = None
    book: TokenBook | None = None
    owner_runs_code: bool = False

    def boundary(self) -> Boundary:
        """What every request crosses."""
        return Boundary(self.guard, Authority(self.token, self.sessions, tokens=self.book, owner_runs_code=self.owner_runs_code))
