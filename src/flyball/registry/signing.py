"""Signatures of the installation: who made a version, and that it is what was made. They give no permission to anything.

Ed25519 (RFC 8032). The private key is a file of 32 bytes beside the database, never in it: who can only write the database cannot
sign. A public key is trusted because it lies in the same directory; its name is its own digest, so that a damaged one is known.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from flyball.core.canonical import digest_bytes
from flyball.core.optional import extra
from flyball.registry.keyerrors import KeyDamagedError, KeyExposedError
from flyball.registry.registered import Seal
from flyball.registry.statement import stated
from flyball.storage.errors import os_errors

_SIGNATURE = re.compile(r"[0-9a-f]{128}", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SEED_BYTES, _PUBLIC_HEX = 32, 64
_PRIVATE, _PUBLIC = "private", "public"


class SealState(Enum):
    """What a seal comes to."""

    SIGNED = "signed"  # by a key of this installation, and unchanged
    UNSIGNED = "unsigned"  # made before versions were signed, or where there was no key
    FOREIGN = "foreign"  # by a key that this installation does not know
    BROKEN = "broken"  # the statement is not what was signed


class Keyring:
    """The keys of one installation, in a directory that its owner alone may enter; the signing key is made at first need.

    ``ID.private`` is a key's seed, ``ID.public`` its public half; ID is the SHA-256 of the public half. To trust another
    installation, put its ``ID.public`` here. Thread-safe; any number of processes may share the directory.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._seed: tuple[str, bytes] | None = None

    @property
    def place(self) -> Path:
        """The directory, which need not exist."""
        return self._place

    def sign(self, facts: Mapping[str, Any]) -> Seal:
        """The facts, sealed with the installation's key.

        Raises:
            KeyDamagedError, KeyExposedError: the key is not what it was, or others may read it.
            UnavailableError: it cannot be read or written.
        """
        with extra("store"):
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        key, seed = self._signing()
        statement = stated(facts, key)
        signature = Ed25519PrivateKey.from_private_bytes(seed).sign(statement.encode())
        return Seal(statement=statement, signature=signature.hex(), key=key)

    def check(self, seal: Seal | None) -> SealState:
        """Whether the seal's statement is what a key of this installation signed. It reads nothing but the keys.

        Raises:
            KeyDamagedError: the public key is not the one that its name says.
        """
        if seal is None:
            return SealState.UNSIGNED
        if not _KEY.fullmatch(seal.key) or not _SIGNATURE.fullmatch(seal.signature) or _named_key(seal.statement) != seal.key:
            return SealState.BROKEN
        public = self._public(seal.key)
        if public is None:
            return SealState.FOREIGN
        return SealState.SIGNED if _verifies(public, seal) else SealState.BROKEN

    def _public(self, key: str) -> bytes | None:
        path = self._place / f"{key}.{_PUBLIC}"
        with os_errors(path):
            try:
                text = path.read_text(encoding="ascii")
            except FileNotFoundError:
                return None
            except UnicodeDecodeError as error:
                raise KeyDamagedError(path) from error
        if not _KEY.fullmatch(text) or digest_bytes(bytes.fromhex(text)) != key:
            raise KeyDamagedError(path)
        return bytes.fromhex(text)

    def _signing(self) -> tuple[str, bytes]:
        with self._lock:
            if self._seed is None:
                self._seed = self._read() or self._make()
            return self._seed

    def _read(self) -> tuple[str, bytes] | None:
        with os_errors(self._place):
            found = sorted(self._place.glob(f"*.{_PRIVATE}")) if self._place.is_dir() else []
        if not found:
            return None
        path = found[0]
        with os_errors(path):
            if path.stat().st_mode & 0o077:
                raise KeyExposedError(path)
            seed = path.read_bytes()
        if len(seed) != _SEED_BYTES or digest_bytes(_public_of(seed)) != path.stem:
            raise KeyDamagedError(path)
        return path.stem, seed

    def _make(self) -> tuple[str, bytes]:
        seed = os.urandom(_SEED_BYTES)
        public = _public_of(seed)
        key = digest_bytes(public)
        with os_errors(self._place):
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(f"{key}.{_PUBLIC}", public.hex().encode(), mode=0o644)
            self._write(f"{key}.{_PRIVATE}", seed, mode=0o600)
        # Two processes may each have made one: the first by name is everybody's, and the other's public half stays trusted.
        return self._read() or (key, seed)

    def _write(self, name: str, data: bytes, *, mode: int) -> None:
        temporary = self._place / f".{name}.{os.getpid()}"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._place / name)


def _public_of(seed: bytes) -> bytes:
    with extra("store"):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _verifies(public: bytes, seal: Seal) -> bool:
    with extra("store"):
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(seal.signature), seal.statement.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _named_key(statement: str) -> str | None:
    try:
        facts = json.loads(statement)
    except ValueError:
        return None
    return facts.get("key") if isinstance(facts, dict) else None
