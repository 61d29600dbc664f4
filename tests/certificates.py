"""An authority of our own, and certificates that it issues, for tests over TLS."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flyball.core.clock import WallClock
from flyball.governance.certificates import Certificate

DAY = timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass
class Authority:
    """Its own certificate is in `path`."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "ca.pem"
        made = self._builder("an authority", self.key.public_key(), lasts=(-DAY, 3650 * DAY))
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
            key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        made = made.add_extension(usage, critical=True)
        self._write(self.path, made.sign(self.key, hashes.SHA256()))

    def issue(self, name: str, *names: str, lasts: tuple[timedelta, timedelta] = (-DAY, 90 * DAY)) -> Certificate:
        """A certificate for the names, in NAME.pem and NAME.key; there before or not."""
        own = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(name, own.public_key(), lasts=lasts)
        made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if names:
            made = made.add_extension(x509.SubjectAlternativeName([_alternative(found) for found in names]), critical=False)
        found = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        plain = serialization.NoEncryption()
        found.key.write_bytes(own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        self._write(found.chain, made.sign(self.key, hashes.SHA256()))
        return found

    def _builder(self, name: str, key: ec.EllipticCurvePublicKey, *, lasts: tuple[timedelta, timedelta]) -> x509.CertificateBuilder:
        now: datetime = WallClock().now()
        made = x509.CertificateBuilder(_name("an authority"), _name(name), key, x509.random_serial_number(), now + lasts[0], now + lasts[1])
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        return made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)

    @staticmethod
    def _write(path: Path, made: x509.Certificate) -> None:
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
