"""The colours of the charts, by what they stand for; the same as those of the style sheet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme's colours as CSS writes them."""

    ink: str
    soft: str
    faint: str
    hair: str
    panel: str
    accent: str
    band: str
    bar: str
    warn: str
    wash: str


LIGHT = Palette(
    ink="#16181d", soft="#5b6370", faint="#8b93a0", hair="#ebece8", panel="#ffffff", accent="#2f5bd0", band="rgba(47,91,208,0.13)",
    bar="#c3cde6", warn="#c9372c", wash="rgba(22,24,29,0.045)",
)  # fmt: skip
DARK = Palette(
    ink="#e9eae7", soft="#a2a9b4", faint="#767e8a", hair="#272b32", panel="#191c21", accent="#8aabff", band="rgba(138,171,255,0.16)",
    bar="#3d4a68", warn="#ff8a80", wash="rgba(233,234,231,0.05)",
)  # fmt: skip


def palette(*, dark: bool) -> Palette:
    """The colours of the theme."""
    return DARK if dark else LIGHT
