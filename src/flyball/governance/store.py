"""Where tokens are kept: the port."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from flyball.governance.tokens import Token


class TokenStore(Protocol):
    """Tokens of all projects of one database; one that was made is never forgotten, only ended.

    In one project no two tokens that are neither revoked nor expired have the same name. Methods join the transaction that is open
    in their thread. Thread-safe; every one may raise UnavailableError.
    """

    def create(self, token: Token) -> None:
        """Keep it.

        Raises:
            TokenNameTakenError: at its creation another of its project is live and has the name.
        """
        ...

    def list(self) -> list[Token]:
        """All, by creation and id."""
        ...

    def revoke(self, token_id: str, at: datetime) -> None:
        """It is good no more. The first revocation counts; of a token that nobody made nothing happens."""
        ...

    def set_used(self, token_ids: Mapping[str, datetime]) -> None:
        """When each was last seen; a time never goes back."""
        ...
