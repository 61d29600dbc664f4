"""What a listener shows over TLS: a certificate and its key, tried before anybody sees them, and renewed without a start."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from flyball.core.clock import Clock, WallClock
from flyball.core.trust import Trust, stamp_of
from flyball.governance.errors import (
    CertificateExpiredError,
    CertificateFileError,
    CertificateUnusableError,
    HalfCertificateError,
    KeyMismatchError,
)

if TYPE_CHECKING:
    import asyncio
    import socket

CERTIFICATE, KEY = ("--tls-cert", "FLYBALL_TLS_CERT"), ("--tls-key", "FLYBALL_TLS_KEY")
HANDSHAKE_SECONDS = 10.0
"""Who has not shown by then that he speaks TLS is hung up on, as who does not say what he wants."""
SOON = timedelta(days=14)
_NOT_YET, _EXPIRED = 9, 10  # of X509_V_ERR_*
_STEPS = 8
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two files in PEM form: a certificate, followed by those it was issued by, and its key without a password."""

    chain: Path
    key: Path

    @classmethod
    def of(cls, chain: Path | str | None, key: Path | str | None) -> Self | None:
        """The two files, or None where neither is named.

        Raises:
            HalfCertificateError: only one of them is.
        """
        if not chain and not key:
            return None
        if not chain or not key:
            raise HalfCertificateError(*(KEY if chain else CERTIFICATE))
        return cls(Path(chain).resolve(), Path(key).resolve())

    def options(self) -> list[str]:
        """The two as a command line has them."""
        return [CERTIFICATE[0], str(self.chain), KEY[0], str(self.key)]

    def stamp(self) -> object:
        """Another value whenever one of the files is another."""
        try:
            return stamp_of(self.chain), stamp_of(self.key)
        except OSError:
            return None


@dataclass(frozen=True, slots=True)
class _Tried:
    context: ssl.SSLContext
    names: tuple[str, ...]
    ends: datetime
    pem: tuple[bytes, bytes]


class Credentials:
    """What a listener shows: the certificate as its files are now, or as they were when they last fitted. Thread-safe.

    `names` are those that the certificate was issued for when it was opened, without wildcards.
    """

    def __init__(self, certificate: Certificate, *, clock: Clock | None = None) -> None:
        """Try it.

        Raises:
            CertificateFileError, CertificateUnusableError, KeyMismatchError, CertificateExpiredError: it cannot be shown.
        """
        self.certificate = certificate
        self._stamp = certificate.stamp()
        self._lock = threading.Lock()
        self._tried = _try(certificate)
        self._clock = clock or WallClock()
        self.names = self._tried.names
        self.context = self._tried.context
        self.context.sni_callback = self._show  # called in every handshake, whether a name is asked for or not
        self._warn()

    def latest(self) -> ssl.SSLContext:
        """What is shown now."""
        self._look()
        return self._tried.context

    def pem(self) -> tuple[bytes, bytes]:
        """Key and chain that are shown now."""
        self._look()
        return self._tried.pem

    def named(self, url: str) -> str:
        """The URL with a name of the certificate for its host, if that is none and there is one; clients look for it."""
        place = urlsplit(url)
        if place.hostname in self.names or not self.names or place.port is None:
            return url
        name = f"[{self.names[0]}]" if ":" in self.names[0] else self.names[0]
        return place._replace(netloc=f"{name}:{place.port}").geturl()

    async def listen(
        self, make: Callable[[], asyncio.BaseProtocol], sockets: Sequence[socket.socket], *, backlog: int
    ) -> list[asyncio.Server]:  # fmt: skip
        """Each socket listens, and what `make` makes speaks over lines that have shown who we are."""
        import asyncio

        loop = asyncio.get_running_loop()
        given: dict[str, Any] = {"ssl": self.context, "ssl_handshake_timeout": HANDSHAKE_SECONDS, "backlog": backlog}
        return [await loop.create_server(make, sock=found, **given) for found in sockets]

    def _show(self, line: ssl.SSLObject, *_: object) -> None:
        latest = self.latest()
        if latest is not self.context:
            line.context = latest

    def _look(self) -> None:
        stamp = self.certificate.stamp()
        with self._lock:
            if stamp == self._stamp or stamp is None:
                return
            self._stamp = stamp
            try:
                self._tried = _try(self.certificate)
            except ValueError as error:  # one of the two may follow in a moment
                _LOG.warning("the certificate was changed and is not taken up; the one before is shown on. %s", error)
                return
        _LOG.info("a renewed certificate is shown, which is valid until %s", f"{self._tried.ends:%Y-%m-%d %H:%M} UTC")
        self._warn()

    def _warn(self) -> None:
        if self._tried.ends - self._clock.now() < SOON:
            _LOG.warning("the certificate %s expires at %s; renew it", self.certificate.chain, f"{self._tried.ends:%Y-%m-%d %H:%M} UTC")


def _try(certificate: Certificate) -> _Tried:
    """The two files fit each other and the present: a client that knows the certificate has shaken hands with it."""
    chain = _read(certificate.chain, CERTIFICATE, mark=b"-----BEGIN CERTIFICATE-----", what="certificate")
    key = _read(certificate.key, KEY, mark=b"PRIVATE KEY-----", what="key")
    if b"ENCRYPTED" in key.partition(b"\n\n")[0]:
        raise CertificateUnusableError(certificate.key, "it is encrypted. Write it without a password: openssl pkey -in KEY -out PLAIN")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate.chain, certificate.key, password=lambda: b"")
        facts = _shake_hands(context, Trust.pinning(certificate.chain).context())
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in {_NOT_YET, _EXPIRED}:
            raise CertificateExpiredError(certificate.chain, expired=error.verify_code == _EXPIRED) from error
        raise CertificateUnusableError(certificate.chain, f"{error.verify_message}") from error
    except (OSError, ValueError) as error:  # OpenSSL's are of the system
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            raise KeyMismatchError(certificate.chain, certificate.key) from error
        raise CertificateUnusableError(certificate.chain, f"with {certificate.key.name} OpenSSL does not take it: {error}") from error
    found = [(kind, name.strip()) for kind, name in facts.get("subjectAltName", ())]
    names = tuple(
        str(ip_address(name)) if kind == "IP Address" else name for kind, name in found if kind in {"DNS", "IP Address"} and "*" not in name
    )
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(facts["notAfter"]), UTC)
    return _Tried(context, names, ends, (key, chain))


def _read(path: Path, setting: tuple[str, str], *, mark: bytes, what: str) -> bytes:
    option, variable = setting
    try:
        found = path.read_bytes()
    except OSError as error:
        raise CertificateFileError(path, error.strerror or str(error), what=what, option=option, variable=variable) from error
    if mark not in found:
        raise CertificateFileError(path, f"it is no {what} in PEM form", what=what, option=option, variable=variable)
    return found


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, Any]:
    """What the client knows of the server then; in memory.

    Raises:
        ssl.SSLError: they did not come to terms.
    """
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
    found: dict[str, Any] = {}
    for _ in range(_STEPS):
        for side in list(sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            sides.remove(side)
            if not side.server_side:
                found = side.getpeercert() or {}
        if not sides:
            return found
    raise ssl.SSLError("there was no end to the handshake")
