"""What is refused at the boundary, before anything of a request is read but its head.

::

    FlyballError
    ├── UnauthenticatedError (PermissionError)   no token, or none that we know
    │   └── LoginCodeError                       a login code that was used, is too old or was never given
    └── ForbiddenError (PermissionError)         known, but not this
        └── ForeignHostError, ForeignOriginError
    InvalidError ── OpenBindError                a listener for everybody, without authentication
    ConflictError ── TokenModeError, TokenDamagedError

The sentences of the first five name nothing that the home holds: whoever reads them may be a stranger.
"""

from __future__ import annotations

from pathlib import Path

from flyball.core.errors import ConflictError, FlyballError, InvalidError


class UnauthenticatedError(FlyballError, PermissionError):
    """Nobody that we know."""

    code = "unauthenticated"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or "This needs the owner's token: send 'Authorization: Bearer TOKEN'. `flyball env` prints it.")


class LoginCodeError(UnauthenticatedError):
    """A login code that opens nothing."""

    code = "login-code"

    def __init__(self) -> None:
        super().__init__("This login code was used, is too old or was never given. Ask for a new one.")


class ForbiddenError(FlyballError, PermissionError):
    """Known, but not allowed this."""

    code = "forbidden"


class ForeignHostError(ForbiddenError):
    """A request that was meant for another host, or came by a name that is not ours."""

    code = "foreign-host"

    def __init__(self) -> None:
        super().__init__("The Host of this request is not one of this server's names. Use the address that `flyball env` prints.")


class ForeignOriginError(ForbiddenError):
    """A request that another site's page made."""

    code = "foreign-origin"

    def __init__(self) -> None:
        super().__init__("The Origin of this request is another site. Requests from pages of other sites are refused.")


class OpenBindError(InvalidError):
    """A listener that others can reach, without authentication."""

    code = "open-bind"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Without authentication nothing listens on {host!r}, which other machines can reach. "
            "Leave --no-auth out, or bind to 127.0.0.1."
        )


class TokenModeError(ConflictError):
    """A token file that others can read."""

    code = "token-mode"

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(
            f"The token file {path} has mode {mode:04o}: others on this machine may have read it. Make it yours alone with "
            f"`chmod 600 {path}`, or delete it and restart for a new token."
        )


class TokenDamagedError(ConflictError):
    """A token file that holds no token."""

    code = "token-damaged"

    def __init__(self, path: Path) -> None:
        super().__init__(f"The file {path} holds no token of ours. Delete it and restart for a new one.")
