"""What can be wrong with a stream of messages; no sentence holds its address, in which a secret may stand."""

from __future__ import annotations

from flyball.core.errors import InvalidError, UnavailableError


class StreamUrlError(InvalidError):
    """No address to read a stream at."""

    code = "stream-url"

    def __init__(self, variable: str, why: str) -> None:
        super().__init__(
            f"The environment variable {variable} {why}. Set it to redis://USER:PASSWORD@HOST:PORT/DATABASE (rediss:// with TLS) for the "
            "process that reads the stream."
        )
        self.variable = variable


class StreamKindError(InvalidError):
    """Something else than a stream at its place."""

    code = "stream-kind"

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"The {source} cannot be read: {why}. Write messages with XADD to that name, or declare the right one.")


class StreamUnreachableError(UnavailableError):
    """The stream's server does not answer."""

    code = "stream-unreachable"

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"The {source} cannot be reached: {why}. Nothing is lost; it is tried again.")
