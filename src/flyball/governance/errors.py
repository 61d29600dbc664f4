"""What is refused at the boundary, before anything of a request is read but its head.

::

    FlyballError
    ├── UnauthenticatedError (PermissionError)   no token, or none that we know
    │   ├── UnknownTokenError                    a token that opens nothing here
    │   ├── LoginCodeError                       a login code that was used, is too old or was never given
    │   └── TokenExpiredError, TokenRevokedError a token that we knew
    └── ForbiddenError (PermissionError)         known, but not this
        ├── ForeignHostError, ForeignOriginError
        ├── ForeignTokenError                    a token of another project
        └── BeyondOwnError                       nobody gives what they have not
    InvalidError
    ├── OpenBindError                            a listener for everybody, without authentication
    ├── TokenNameError, TokenRoleError, TokenLifeError
    ├── HalfCertificateError, CertificateFileError, CertificateUnusableError, KeyMismatchError, CertificateExpiredError
    └── LimitSettingError                        a limit that is no number
    NotFoundError ── TokenNotFoundError
    ConflictError ── TokenModeError, TokenDamagedError, TokenNameTakenError
    UnavailableError ── RateLimitedError         more requests than one caller gets

The sentences of the first five name nothing that the home holds: whoever reads them may be a stranger. Those of a token that has
ended name that token: only who has its secret reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from flyball.core.errors import ConflictError, FlyballError, InvalidError, NotFoundError, UnavailableError


class UnauthenticatedError(FlyballError, PermissionError):
    """Nobody that we know."""

    code = "unauthenticated"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(
            message
            or "This needs a token: send 'Authorization: Bearer TOKEN'. `flyball env` prints the owner's token; "
            "`flyball token create` makes others."
        )


class UnknownTokenError(UnauthenticatedError):
    """Something was shown that opens nothing; whether it ever did is not said."""

    def __init__(self) -> None:
        super().__init__(
            "The token that was sent opens nothing here: it is wrong, or another server's. With Basic, the user is the token's name. "
            "`flyball env` prints the owner's token; `flyball token create` makes others."
        )


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


class TokenExpiredError(UnauthenticatedError):
    """A token whose time is over."""

    code = "token-expired"

    def __init__(self, name: str, when: datetime) -> None:
        super().__init__(
            f"The token '{name}' expired on {when:%Y-%m-%d at %H:%M} UTC. Ask an admin for a new one: "
            f"`flyball token create --name {name} --role ROLE`."
        )


class TokenRevokedError(UnauthenticatedError):
    """A token that somebody took back."""

    code = "token-revoked"

    def __init__(self, name: str, when: datetime) -> None:
        super().__init__(
            f"The token '{name}' was revoked on {when:%Y-%m-%d at %H:%M} UTC. Ask an admin for a new one: "
            f"`flyball token create --name {name} --role ROLE`."
        )


class ForeignTokenError(ForbiddenError):
    """A token that is good elsewhere."""

    code = "foreign-token"

    def __init__(self, name: str, project: str) -> None:
        super().__init__(f"The token '{name}' is of the project '{project}', which is not this one. Ask an admin here for a token.")


class BeyondOwnError(ForbiddenError):
    """Somebody gives away more than they have."""

    code = "beyond-own"

    def __init__(self, principal: str) -> None:
        super().__init__(f"{principal} may not give the permission to run code, not having it. Ask the owner of the home.")


class TokenNameError(InvalidError):
    """Not a name that a token can have."""

    code = "token-name"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:80]!r} cannot be a token's name. Use 1 to 64 letters, digits and . _ @ + -, beginning with a letter or digit, "
            "and none of: owner, anonymous, system, console."
        )


class TokenRoleError(InvalidError):
    """Not a role that a token can have."""

    code = "token-role"

    def __init__(self, role: str, known: Iterable[str]) -> None:
        super().__init__(f"{role[:40]!r} is no role that a token can have. Choose one of: {', '.join(known)}.")


class TokenLifeError(InvalidError):
    """Not a length that a token can live."""

    code = "token-life"

    def __init__(self, life: timedelta, longest: timedelta) -> None:
        super().__init__(f"A token cannot live for {life}. Give it more than nothing and at most {longest.days}d, for example 90d.")


class TokenNotFoundError(NotFoundError):
    """No such token."""

    code = "token-not-found"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no token {name[:80]!r} that is still good; there are: {', '.join(known) or 'none'}.")


class TokenNameTakenError(ConflictError):
    """A live token has the name."""

    code = "token-name-taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is a token '{name}' that is still good. Revoke it with `flyball token revoke {name}`, or choose another name."
        )


class RateLimitedError(UnavailableError):
    """More requests than one caller gets; `retry_seconds` is when there is room again."""

    code = "rate-limited"

    def __init__(self, who: str, retry_seconds: int) -> None:
        super().__init__(f"Too many requests from {who}. Try again in {retry_seconds} s; the server's limits are settings of its owner.")
        self.retry_seconds = retry_seconds


class LimitSettingError(InvalidError):
    """A limit that is no number."""

    code = "limit-setting"

    def __init__(self, name: str, found: str) -> None:
        super().__init__(f"{name} is {found[:60]!r}, but must be a number greater than 0, or 'off'.")


class HalfCertificateError(InvalidError):
    """A certificate without its key, or a key without its certificate."""

    code = "tls-half"

    def __init__(self, option: str, variable: str) -> None:
        super().__init__(f"TLS needs a certificate and its key, and only one is named. Name the other with {option} FILE or {variable}.")


class CertificateFileError(InvalidError):
    """A file that is no certificate, or no key."""

    code = "tls-file"

    def __init__(self, path: Path, reason: str, *, what: str, option: str, variable: str) -> None:
        super().__init__(f"The {what} {path} cannot be read: {reason}. Name a file in PEM form with {option} FILE or {variable}.")


class CertificateUnusableError(InvalidError):
    """A certificate or a key that no client would take."""

    code = "tls-unusable"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be used for TLS: {reason}.")


class KeyMismatchError(InvalidError):
    """A key of another certificate."""

    code = "tls-mismatch"

    def __init__(self, chain: Path, key: Path) -> None:
        super().__init__(
            f"The key {key} does not belong to the certificate {chain}. Name the two that were made together; in a file with several "
            "certificates the server's own must be the first."
        )


class CertificateExpiredError(InvalidError):
    """A certificate that is not valid now."""

    code = "tls-expired"

    def __init__(self, path: Path, *, expired: bool) -> None:
        what = "has expired. Renew it" if expired else "is not valid yet. Wait for it, or see whether the clock of this machine is right"
        super().__init__(f"The certificate {path} {what}.")
