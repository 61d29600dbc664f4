"""A certificate is tried before anybody sees it, and a renewed one is shown from the next handshake on."""

from __future__ import annotations

import logging
import shutil
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from flyball.core.errors import InvalidError
from flyball.core.trust import CA_FILE, CaFileError, Trust, first_of
from flyball.governance import certificates
from flyball.governance.certificates import Certificate, Credentials
from flyball.governance.errors import (
    CertificateExpiredError,
    CertificateFileError,
    CertificateUnusableError,
    HalfCertificateError,
    KeyMismatchError,
)
from tests.certificates import DAY, Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


def shaken(credentials: Credentials, trust: Trust) -> dict[str, Any]:
    """What a client sees."""
    return certificates._shake_hands(credentials.context, trust.context())


def test_the_names_of_a_certificate_are_known_but_for_patterns(authority: Authority) -> None:
    found = Credentials(authority.issue("a", "models.example", "*.example", "10.0.0.7"))
    assert found.names == ("models.example", "10.0.0.7")
    assert [found.named(f"https://{host}:8500/x") for host in ("127.0.0.1", "10.0.0.7")] == [
        "https://models.example:8500/x", "https://10.0.0.7:8500/x",
    ]  # fmt: skip
    assert Credentials(authority.issue("c", "::1")).named("https://127.0.0.1:8500") == "https://[::1]:8500"
    nameless = Credentials(authority.issue("b"))
    assert nameless.names == ()
    assert nameless.named("https://127.0.0.1:8500") == "https://127.0.0.1:8500"


def test_both_files_or_none_are_named(authority: Authority) -> None:
    made = authority.issue("a")
    assert Certificate.of(None, "") is None
    assert Certificate.of(made.chain, str(made.key)) == made
    with pytest.raises(HalfCertificateError, match="--tls-key FILE or FLYBALL_TLS_KEY"):
        Certificate.of(made.chain, None)
    with pytest.raises(HalfCertificateError, match="--tls-cert FILE or FLYBALL_TLS_CERT"):
        Certificate.of(None, made.key)


def test_what_cannot_be_shown_says_what_to_do(authority: Authority, tmp_path: Path) -> None:
    made, other = authority.issue("a"), authority.issue("b")
    text, folder = tmp_path / "text", tmp_path / "folder"
    text.write_text("what I have to remember")
    folder.mkdir()
    torn = tmp_path / "torn.pem"
    torn.write_bytes(made.chain.read_bytes()[:200])
    locked = tmp_path / "locked.key"
    key = serialization.load_pem_private_key(made.key.read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"password")
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret))
    wrong: list[tuple[Path, Path, type[InvalidError], str]] = [
        (
            tmp_path / "none.pem",
            made.key,
            CertificateFileError,
            "cert.*none.pem cannot be read: No such file.*--tls-cert FILE or",
        ),
        (made.chain, tmp_path / "none.key", CertificateFileError, "key .*none.key cannot be read.*--tls-key FILE or FLYBALL_TLS_KEY"),
        (folder, made.key, CertificateFileError, "Is a directory"),
        (text, made.key, CertificateFileError, "no certificate in PEM form"),
        (made.chain, text, CertificateFileError, "no key in PEM form"),
        (made.key, made.chain, CertificateFileError, "no certificate in PEM form"),
        (torn, made.key, CertificateUnusableError, "does not take it"),
        (made.chain, locked, CertificateUnusableError, "it is encrypted.*openssl pkey"),
        (made.chain, other.key, KeyMismatchError, "does not belong to"),
    ]
    for chain, own, kind, words in wrong:
        with pytest.raises(kind, match=words):
            Credentials(Certificate(chain, own))


def test_a_certificate_is_of_the_present(authority: Authority) -> None:
    with pytest.raises(CertificateExpiredError, match=r"old.pem has expired. Renew it"):
        Credentials(authority.issue("old", lasts=(-9 * DAY, -DAY)))
    with pytest.raises(CertificateExpiredError, match=r"not valid yet.*the clock of this machine"):
        Credentials(authority.issue("new", lasts=(DAY, 9 * DAY)))


def test_one_that_ends_soon_is_told(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Credentials(authority.issue("a"))
        assert caplog.messages == []
        Credentials(authority.issue("b", lasts=(-DAY, timedelta(hours=30))))
    assert "renew it" in caplog.messages[0]


def test_a_renewed_certificate_is_shown_at_once_and_one_that_is_wrong_never(authority: Authority) -> None:
    made, trust = authority.issue("a", "first.example"), Trust(authority.path)
    trust.context().check_hostname = False
    credentials = Credentials(made)
    first = shaken(credentials, trust)
    _replace(authority.issue("b", "second.example"), made)
    second = shaken(credentials, trust)
    assert first["subjectAltName"] == (("DNS", "first.example"),)
    assert second["subjectAltName"] == (("DNS", "second.example"),)
    assert credentials.pem() == (made.key.read_bytes(), made.chain.read_bytes())

    before = credentials.pem()
    _replace(authority.issue("old", lasts=(-9 * DAY, -DAY)), made)
    assert shaken(credentials, trust) == second
    shutil.copyfile(authority.issue("c", "third.example").key, made.key)  # the certificate comes in a moment
    assert shaken(credentials, trust) == second
    made.chain.unlink()
    assert shaken(credentials, trust) == second
    assert credentials.pem() == before
    shutil.copyfile(authority.folder / "c.pem", made.chain)
    assert shaken(credentials, trust)["subjectAltName"] == (("DNS", "third.example"),)


def _replace(new: Certificate, old: Certificate) -> None:
    for source, target in ((new.key, old.key), (new.chain, old.chain)):
        beside = target.with_suffix(".new")
        shutil.copyfile(source, beside)
        beside.replace(target)


def test_one_that_is_pinned_is_known_by_any_name_and_nobody_else_is(authority: Authority, tmp_path: Path) -> None:
    made, other = authority.issue("a", "models.example"), authority.issue("b", "models.example")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(made.chain.read_bytes() + authority.path.read_bytes())
    assert first_of(chain.read_text()) == made.chain.read_text()
    trust = Trust.pinning(chain)
    assert shaken(Credentials(Certificate(chain, made.key)), trust)
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(Credentials(other), trust)  # the same authority has issued it, for the same name


def test_whoever_is_pinned_may_renew(authority: Authority) -> None:
    made = authority.issue("a")
    trust, credentials = Trust.pinning(made.chain), Credentials(made)
    assert shaken(credentials, trust)
    _replace(authority.issue("b"), made)
    assert shaken(credentials, trust)
    assert Trust.pinning(None).connect("http://127.0.0.1:1", 1).host == "127.0.0.1"


def test_a_file_of_authorities_is_read_when_it_is_needed(authority: Authority, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("nothing")
    for path, words in ((tmp_path / "none", "No such file"), (text, "no certificate in PEM form"), (tmp_path, "Is a directory")):
        trust = Trust.of({CA_FILE: str(path)})
        trust.connect("http://127.0.0.1:1", 1)
        with pytest.raises(CaFileError, match=words):
            trust.connect("https://127.0.0.1:1", 1)
    trust = Trust.of({CA_FILE: str(authority.path)})
    context = trust.context()
    assert context.check_hostname
    authority.path.unlink()
    assert trust.context() is context
    assert Trust.of({}).context().check_hostname
