"""Keys and seals: signed once, checked for ever, and known when they are damaged."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from flyball.registry.keyerrors import KeyDamagedError, KeyExposedError
from flyball.registry.registered import Seal
from flyball.registry.signing import Keyring, SealState

FACTS = {"model": "churn", "number": 1, "é": [1.5, None]}


def test_what_was_signed_is_signed_for_every_holder_of_the_keys(tmp_path: Path) -> None:
    seal = Keyring(tmp_path / "keys").sign(FACTS)
    assert Keyring(tmp_path / "keys").check(seal) is SealState.SIGNED
    assert Keyring(tmp_path / "keys").sign(FACTS) == seal


def test_nothing_is_signed_without_need(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys")
    assert ring.check(None) is SealState.UNSIGNED
    assert not ring.place.exists()


def test_the_keys_are_their_owners_alone(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys")
    seal = ring.sign(FACTS)
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in ring.place.iterdir()}
    assert modes[".private"] == 0o600
    assert stat.S_IMODE(ring.place.stat().st_mode) == 0o700
    assert {path.stem for path in ring.place.iterdir()} == {seal.key}


def test_a_key_of_another_installation_is_foreign_until_it_is_trusted(tmp_path: Path) -> None:
    mine, theirs = Keyring(tmp_path / "mine"), Keyring(tmp_path / "theirs")
    mine.sign(FACTS)
    seal = theirs.sign(FACTS)
    assert mine.check(seal) is SealState.FOREIGN
    name = f"{seal.key}.public"
    (mine.place / name).write_bytes((theirs.place / name).read_bytes())
    assert mine.check(seal) is SealState.SIGNED
    assert mine.sign(FACTS).key != seal.key


def test_every_flipped_bit_of_a_seal_breaks_it(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys")
    seal = ring.sign(FACTS)
    for name in ("statement", "signature", "key"):
        text = getattr(seal, name)
        for place, letter in enumerate(text):
            for bit in (1, 4, 32):
                flipped = text[:place] + chr(ord(letter) ^ bit) + text[place + 1 :]
                assert ring.check(replace(seal, **{name: flipped})) is not SealState.SIGNED, (name, place, bit)


def test_a_signature_of_another_statement_is_none(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys")
    one, other = ring.sign(FACTS), ring.sign({**FACTS, "number": 2})
    assert ring.check(replace(one, signature=other.signature)) is SealState.BROKEN
    assert ring.check(Seal(statement="", signature="", key="")) is SealState.BROKEN
    assert ring.check(replace(one, key="../" + one.key[3:])) is SealState.BROKEN


@pytest.mark.parametrize("half", ["private", "public"])
def test_every_flipped_byte_of_a_key_is_known(tmp_path: Path, half: str) -> None:
    seal = Keyring(tmp_path).sign(FACTS)
    path = tmp_path / f"{seal.key}.{half}"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 32]) + whole[place + 1 :])
        ring = Keyring(tmp_path)
        with pytest.raises(KeyDamagedError, match=r"Put the file of a backup in its place"):
            _ = ring.sign(FACTS) if half == "private" else ring.check(seal)
    for damaged in (whole[:-1], whole + b"\n", b""):
        path.write_bytes(damaged)
        with pytest.raises(KeyDamagedError):
            _ = Keyring(tmp_path).sign(FACTS) if half == "private" else Keyring(tmp_path).check(seal)


def test_a_private_key_that_others_may_read_signs_nothing(tmp_path: Path) -> None:
    seal = Keyring(tmp_path).sign(FACTS)
    (tmp_path / f"{seal.key}.private").chmod(0o640)
    with pytest.raises(KeyExposedError, match="chmod 600"):
        Keyring(tmp_path).sign(FACTS)
    assert Keyring(tmp_path).check(seal) is SealState.SIGNED


def test_of_many_that_need_a_key_at_once_each_signs_what_all_trust(tmp_path: Path) -> None:
    rings = [Keyring(tmp_path / "keys") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        seals = list(pool.map(lambda ring: ring.sign(FACTS), rings))
    assert all(Keyring(tmp_path / "keys").check(seal) is SealState.SIGNED for seal in seals)
