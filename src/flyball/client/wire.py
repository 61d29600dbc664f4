"""Requests and answers: one request at a time becomes a value or a typed error. It knows no route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

from flyball.client.errors import ClientError, ServerFailedError, UnreachableError, UntrustedError, error_of
from flyball.core.errors import InvalidError
from flyball.core.optional import extra
from flyball.core.trust import SYSTEM, Trust

with extra("client"):
    import httpx

Json = dict[str, Any]

_UNKNOWN = "CERTIFICATE_VERIFY_FAILED"  # OpenSSL's word
# We let go of an idle connection before the server does: one that it closes just now would fail a request that it never saw.
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)


class BadUrlError(InvalidError):
    """Not an address of HTTP."""

    code = "bad-url"

    def __init__(self, url: str) -> None:
        super().__init__(f"{url!r} is not the address of a control plane. Write it as http://127.0.0.1:8500, in FLYBALL_URL.")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    params: Mapping[str, Any] | None = None
    body: Any = None
    headers: Mapping[str, str] | None = None
    wait_seconds: float = 0.0


class Wire:
    """The connection to `url`; `actor` is who acts, for the events. Thread-safe.

    Settings of the environment for proxies are not followed: a token is sent to `url` only. `trust` is whom to believe over TLS, or a
    file of authorities.

    Raises:
        BadUrlError: `url` is no address of HTTP.
        CaFileError: it is one of https, and the file cannot be read.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        actor: str | None = None,
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        trust: Trust | str | Path = SYSTEM,
    ) -> None:
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **({"Flyball-Actor": actor} if actor else {})}
        self.url = url.rstrip("/")
        try:
            address = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise BadUrlError(url) from error
        if address.scheme not in {"http", "https"} or not address.host:
            raise BadUrlError(url)
        self._timeout_seconds = timeout_seconds
        trust = trust if isinstance(trust, Trust) else Trust(Path(trust))
        self._trust = trust if address.scheme == "https" else None
        self._http = httpx.Client(
            base_url=self.url, headers=headers, timeout=timeout_seconds, transport=transport, trust_env=False, limits=_LIMITS,
            verify=self._trust.context() if self._trust else False,  # without TLS nobody is verified: it costs time to be able to
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the connections; idempotent."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def ask(self, ask: Ask) -> Json:
        """What is answered, as a JSON object.

        Raises:
            ClientError: it was refused, or nobody answered.
        """
        response = self.send(ask)
        try:
            found: Json = response.json()
        except ValueError as error:
            raise ServerFailedError(f"What answers at {self.url} is no control plane.", status=response.status_code) from error
        return found

    def ask_list(self, ask: Ask, name: str) -> list[Json]:
        """The list of that name in what is answered."""
        found: list[Json] = self.ask(ask)[name]
        return found

    def send(self, ask: Ask) -> httpx.Response:
        """The answer, which is no refusal.

        Raises:
            ClientError: it was refused, or nobody answered.
        """
        body = {} if ask.body is None else {"content" if isinstance(ask.body, bytes) else "json": ask.body}
        timeout = self._timeout_seconds + ask.wait_seconds
        if self._trust is not None:
            self._trust.context()  # whom we believe may have been renewed
        try:
            response = self._http.request(ask.method, ask.path, params=ask.params, headers=ask.headers, timeout=timeout, **body)
        except httpx.TransportError as error:
            raise self._unanswered(error) from error
        if response.status_code >= 400:
            raise self._refused(response, ask)
        return response

    @contextmanager
    def stream(self, ask: Ask) -> Iterator[httpx.Response]:
        """The answer, which is no refusal, with its body unread.

        Raises:
            ClientError: it was refused, or nobody answered.
        """
        try:
            # As the server has packed it, so that its length is that of what is passed on.
            headers = {"Accept-Encoding": "identity", **(ask.headers or {})}
            with self._http.stream(ask.method, ask.path, params=ask.params, headers=headers) as response:
                if response.status_code >= 400:
                    response.read()
                    raise self._refused(response, ask)
                yield response
        except httpx.TransportError as error:
            raise self._unanswered(error) from error

    def _unanswered(self, error: httpx.TransportError) -> UnreachableError:
        reason = str(error) or type(error).__name__
        return UntrustedError(self.url, reason=reason) if _UNKNOWN in reason else UnreachableError(self.url, reason=reason)

    def _refused(self, response: httpx.Response, ask: Ask) -> ClientError:
        try:
            found = response.json()
            # MLflow's routes refuse in MLflow's form.
            found = {"code": found["error_code"], **found} if "error_code" in found else found["error"]
            code, message = str(found["code"]), str(found["message"])
        except (ValueError, KeyError, TypeError):
            code, message = "", f"{self.url}{ask.path} answered {response.status_code} without a reason: it is no control plane."
        return error_of(response.status_code, code=code, message=message)


def part(name: str) -> str:
    """The name as one part of a path, whatever is in it.

    >>> part("../status")
    '..%2Fstatus'
    """
    return quote(name, safe="") or "%20"
