"""What a control plane refused, or that it could not be reached; each is also the error of `core` that the same mistake raises locally.

::

    ClientError (FlyballError)
    ├── RefusedError (InvalidError)          400, 408, 413, 415, 422
    ├── TokenRefusedError                    401
    ├── NotAllowedError                      403
    ├── NotThereError (NotFoundError)        404
    ├── ConflictingError (ConflictError)     405, 409
    ├── InUseError (HeldError)               423
    ├── OverloadedError (UnavailableError)   429, 503: try again
    ├── ServerFailedError                    any other answer
    └── UnreachableError (UnavailableError)  no answer
        └── UntrustedError                   of somebody who is not known to be the server

`server_code` is the stable code that the server gave; the sentence is the server's own.
"""

from __future__ import annotations

from flyball.core.errors import ConflictError, FlyballError, HeldError, InvalidError, NotFoundError, UnavailableError
from flyball.core.trust import CA_FILE


class ClientError(FlyballError):
    """The root of what a client raises. `status` is the HTTP status, 0 without an answer."""

    code = "client"

    def __init__(self, message: str, *, status: int = 0, server_code: str = "") -> None:
        Exception.__init__(self, message)
        self.status, self.server_code = status, server_code


class RefusedError(ClientError, InvalidError):
    """What was sent can never be right."""

    code = "refused"


class TokenRefusedError(ClientError):
    """No token was sent, or not the server's."""

    code = "token-refused"


class NotAllowedError(ClientError):
    """The server knows who asks, or the address by which it was asked, and does not allow it."""

    code = "not-allowed"


class NotThereError(ClientError, NotFoundError):
    """What was asked for does not exist there."""

    code = "not-there"


class ConflictingError(ClientError, ConflictError):
    """The state forbids it now."""

    code = "conflicting"


class InUseError(ClientError, HeldError):
    """Somebody else owns it."""

    code = "in-use"


class OverloadedError(ClientError, UnavailableError):
    """The server, or a part of it, cannot do it just now."""

    code = "overloaded"


class ServerFailedError(ClientError):
    """The server failed, or what answers is no control plane."""

    code = "server-failed"


class UnreachableError(ClientError, UnavailableError):
    """Nobody answered."""

    code = "unreachable"

    def __init__(self, url: str, *, reason: str) -> None:
        super().__init__(
            f"No control plane answers at {url} ({reason}). Start it with `flyball up PROJECT.py`, or set FLYBALL_URL to where it is."
        )
        self.url = url


class UntrustedError(UnreachableError):
    """Somebody answered, of whom is not known that it is the server."""

    code = "untrusted"

    def __init__(self, url: str, *, reason: str) -> None:
        ClientError.__init__(
            self,
            f"What answers at {url} does not show a certificate that is believed here ({reason}). Name the authority behind it, or the "
            f"certificate itself, with {CA_FILE}, and the server by a name that stands in it.",
        )
        self.url = url


_BY_STATUS: dict[int, type[ClientError]] = {
    400: RefusedError, 401: TokenRefusedError, 403: NotAllowedError, 404: NotThereError, 405: ConflictingError, 408: RefusedError,
    409: ConflictingError, 413: RefusedError, 415: RefusedError, 422: RefusedError, 423: InUseError, 429: OverloadedError,
    503: OverloadedError,
}  # fmt: skip


def error_of(status: int, *, code: str, message: str) -> ClientError:
    """The error that an answer of that status means.

    >>> error_of(404, code="version-not-found", message="There is no version 7.")
    NotThereError('There is no version 7.')
    """
    return _BY_STATUS.get(status, ServerFailedError)(message, status=status, server_code=code)
