"""Whom a client of ours believes over TLS. The standard library's own context, and two ways to fill it; it knows no server.

Files are looked at again for each connection: whoever renews a certificate starts nothing again.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from flyball.core.errors import InvalidError

CA_FILE = "FLYBALL_CA_FILE"
"""The setting: a file of the authorities, or of the one certificate, that a client believes instead of the system's authorities."""
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class CaFileError(InvalidError):
    """A file by which nobody can be believed."""

    code = "ca-file"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"By {path} nobody can be believed: {reason}. Name a PEM file of certificates with {CA_FILE}.")


class Trust:
    """Whom to believe: the authorities of the system, those of a file, or who has one certificate. Thread-safe.

    Names are checked, but of one certificate that is `pinned`: it is known itself, by whatever name its owner is called.
    """

    def __init__(self, path: Path | None = None, *, pinned: bool = False) -> None:
        self._path, self._pinned = path, pinned
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._stamp: object = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """What the environment says; the system's authorities where it says nothing."""
        named = environment.get(CA_FILE)
        return cls(Path(named) if named else None)

    @classmethod
    def pinning(cls, certificate: Path | None) -> Self:
        """Only who has this certificate; the system's authorities where there is none."""
        return cls(certificate, pinned=certificate is not None)

    def context(self) -> ssl.SSLContext:
        """Always the same context; what its file says now is believed, and what it said since we know it.

        Raises:
            CaFileError: the file cannot be read, or holds no certificate.
        """
        with self._lock:
            if self._path is None:
                self._context = self._context or ssl.create_default_context()
                return self._context
            try:
                stamp = stamp_of(self._path)
                if self._context is None or stamp != self._stamp:
                    self._context = self._filled(self._context or self._empty(), self._path.read_text(encoding="ascii"))
                    self._stamp = stamp
            except (OSError, ValueError) as error:  # also what OpenSSL says: its errors are of the system
                if self._context is None:
                    raise CaFileError(self._path, getattr(error, "strerror", None) or str(error)) from error
            return self._context

    def connect(self, url: str, seconds: float) -> http.client.HTTPConnection:
        """A connection to the host of `url`, which opens when it is used and waits so long for each step.

        Raises:
            CaFileError: as `context` raises it.
        """
        place = urlsplit(url)
        if place.scheme == "https":
            return http.client.HTTPSConnection(place.hostname or "", place.port, timeout=seconds, context=self.context())
        return http.client.HTTPConnection(place.hostname or "", place.port, timeout=seconds)

    def _empty(self) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = not self._pinned
        # One that a person names is an anchor, whoever signed it.
        made.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN
        return made

    def _filled(self, context: ssl.SSLContext, text: str) -> ssl.SSLContext:
        if _BEGIN not in text:
            raise ValueError("it holds no certificate in PEM form")
        context.load_verify_locations(cadata=first_of(text) if self._pinned else text)
        return context


def stamp_of(path: Path) -> object:
    """Another value whenever the file is another.

    Raises:
        OSError: there is none.
    """
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def first_of(text: str) -> str:
    """The first certificate of a chain: that of its owner; of those that follow many others may have one, too."""
    return _BEGIN + text.partition(_BEGIN)[2].partition(_END)[0] + _END + "\n"


SYSTEM = Trust()
"""Believes the authorities of the system."""
