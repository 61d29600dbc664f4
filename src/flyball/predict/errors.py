"""What the door refuses by a request's head or body, before any row is looked at.

::

    InvalidError
    ├── BodyTooLargeError, SlowBodyError, MethodError, ContentTypeError, EncodingError
    ├── DamagedBodyError        packed so that it cannot be unpacked
    ├── MessageError            bytes that are no message of gRPC's
    ├── SlowReaderError         an answer that nobody reads
    ├── HeaderLengthError       a header that lies about where the JSON of a body ends
    ├── InferenceRequestError, RepositoryRequestError, InstancesError      JSON of a protocol that says something else
    ├── TensorError             an input that is not the tensor that it says to be
    ├── OutputError, UnsupportedError       what nobody answers
    ├── ArrowError, TableTextError          bulk rows that cannot be read
    └── WhichEndpointError      a request for the one endpoint where there are several
    NotFoundError ── RouteNotFoundError
    ConflictError ── RepositoryFixedError
    UnavailableError ── UnloadedError, NotReadyError, DrainingError, TooManyInsideError, QuotaError
"""

from __future__ import annotations

from collections.abc import Iterable

from flyball.core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError, UnknownNameError


class BodyTooLargeError(InvalidError):
    """A body larger than a request may be."""

    code = "body-too-large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than {limit_bytes >> 20} MB. Send the rows in several requests.")


class ContentTypeError(InvalidError):
    """A body that is not said to be of a kind that its route takes."""

    code = "content-type"

    def __init__(self, found: str, *, known: Iterable[str] = ("application/json",)) -> None:
        what = f"The content type is {found[:60]!r}" if found else "The request has no content type"
        super().__init__(f"{what}. Send one of these, by the header 'Content-Type': {', '.join(known)}.")


class EncodingError(InvalidError):
    """A body that is packed in a way that nobody unpacks."""

    code = "content-encoding"

    def __init__(self, found: str) -> None:
        super().__init__(f"The content encoding is {found[:60]!r}. Send the body as it is, or packed once by gzip or deflate.")


class DamagedBodyError(InvalidError):
    """A packed body that is not whole."""

    code = "damaged-body"

    def __init__(self, coding: str, reason: str) -> None:
        super().__init__(f"The body cannot be unpacked by {coding}: {reason}. Pack it again.")


class SlowBodyError(InvalidError):
    """A body that did not come in time."""

    code = "slow-body"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body did not arrive within {seconds:g} s. Send the request again.")


class SlowReaderError(InvalidError):
    """An answer that was not read in time."""

    code = "slow-reader"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The answer was not read within {seconds:g} s. Read what is answered, or ask for fewer rows at once.")


class MessageError(InvalidError):
    """A call without a message that can be read."""

    code = "message"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The call's message cannot be read: {reason[:200].rstrip('.')}. Send one message of the method's own type.")


class MethodError(InvalidError):
    """A route asked with another method than it has."""

    code = "method"

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"This route is asked with {allowed}, not {method[:20]}.")
        self.allowed = allowed


class TensorError(InvalidError):
    """An input that is not what it says to be."""

    code = "tensor"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Input {name[:60]!r}: {reason}{'' if reason.endswith(('.', '?')) else '.'}")


class HeaderLengthError(InvalidError):
    """A header that lies about where the JSON of a body ends."""

    code = "header-length"

    def __init__(self, found: str, size: int) -> None:
        super().__init__(
            f"Inference-Header-Content-Length is {found[:30]!r}, but the body has {size:,} bytes. Say how many of them are JSON."
        )


class InferenceRequestError(InvalidError):
    """JSON that is no request of the protocol."""

    code = "inference-request"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f'The body is no inference request: {reason.rstrip(".")}. Send {{"inputs": [{{"name", "shape", "datatype", "data"}}, ...]}}.'
        )


class RepositoryRequestError(InvalidError):
    """A request to the model repository that says something else than it may."""

    code = "repository-request"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body is no request to the model repository: {reason.rstrip('.')}. Send an object, or nothing.")


class OutputError(InvalidError):
    """An output that an endpoint has not."""

    code = "output"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(str(UnknownNameError("output", name[:60], known=known)))


class UnsupportedError(InvalidError):
    """A part of a protocol that this server does not speak."""

    code = "unsupported"

    def __init__(self, what: str) -> None:
        super().__init__(f"This server does not speak {what}. Leave it out.")


class InstancesError(InvalidError):
    """Rows in another protocol's JSON that are none."""

    code = "instances"

    def __init__(self, reason: str, *, wanted: str) -> None:
        super().__init__(f"The body holds no rows: {reason.rstrip('.')}. Send {wanted}.")


class ArrowError(InvalidError):
    """Bytes that are no Arrow stream that is taken."""

    code = "arrow"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body cannot be read as an Arrow IPC stream: {reason.rstrip('.')}. Send one that is not compressed.")


class TableTextError(InvalidError):
    """A text that is no table."""

    code = "csv"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body cannot be read as CSV: {reason.rstrip('.')}. Send UTF-8 with a head line and commas.")


class WhichEndpointError(InvalidError):
    """A request for the only endpoint of a server that has several."""

    code = "which-endpoint"

    def __init__(self, known: Iterable[str]) -> None:
        names = ", ".join(sorted(known)) or "none yet"
        super().__init__(f"This server has several endpoints: {names}. Say which one: POST /endpoints/NAME/invocations.")


class RouteNotFoundError(NotFoundError):
    """No route of that path."""

    code = "route-not-found"

    def __init__(self, path: str, known: Iterable[str]) -> None:
        super().__init__(f"There is nothing at {path[:80]!r}. Routes: {', '.join(known)}.")


class RepositoryFixedError(ConflictError):
    """A server whose models cannot be loaded and unloaded by request."""

    code = "repository-fixed"

    def __init__(self) -> None:
        super().__init__("This server loads and unloads no models by request; what it serves is said by its plan.")


class UnloadedError(UnavailableError):
    """An endpoint that was unloaded by request."""

    code = "unloaded"

    def __init__(self, endpoint: str) -> None:
        super().__init__(f"Endpoint {endpoint[:60]!r} was unloaded. Load it again: POST /v2/repository/models/{endpoint[:60]}/load.")


class NotReadyError(UnavailableError):
    """A server that has not seen a plan yet."""

    code = "not-ready"

    def __init__(self) -> None:
        super().__init__("The server lives, but it has loaded nothing yet. Ask again in a moment.")


class DrainingError(UnavailableError):
    """A server that is about to end."""

    code = "draining"

    def __init__(self) -> None:
        super().__init__("This server is about to end and takes no more calls. Ask again: another one answers, or this one anew.")


class TooManyInsideError(UnavailableError):
    """More requests of one caller at once than one may have."""

    code = "too-many-inside"

    def __init__(self, who: str, inside: int) -> None:
        super().__init__(f"{inside:,} requests of '{who}' are being answered already. Wait for some of them, or send more rows in each.")
        self.retry_seconds = 1


class QuotaError(UnavailableError):
    """More rows than an endpoint scores, for one caller or in all."""

    code = "quota"

    def __init__(self, endpoint: str, rows_per_second: float, *, who: str | None, retry_seconds: int) -> None:
        whose = "in all" if who is None else f"for '{who}'"
        given = f"{rows_per_second:g} rows a second {whose}"
        super().__init__(f"Endpoint {endpoint!r} scores {given}, and these are used up. Try again in {retry_seconds} s.")
        self.retry_seconds = retry_seconds
