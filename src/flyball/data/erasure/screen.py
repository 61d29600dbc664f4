"""Rows whose keys were erased are refused where they come in: their place is told, and none of their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from flyball.data.contracts.compiled import Compiled
from flyball.data.contracts.judging import AT_FILE, AT_ROW, FILE, QUARANTINE, RAW, REASON, ROW, Checked, Look
from flyball.data.erasure.keys import Marker, key_texts, raw_text
from flyball.data.rowreader import ReadRows

KIND = "erased"
ERASED = f"{KIND}: rows of this key were erased, and are refused until somebody allows them again"


@dataclass(frozen=True)
class Screen:
    """Knows by their marks which keys of a dataset were erased. Thread-safe."""

    dataset: str
    columns: tuple[str, ...]
    marks: frozenset[str]
    marker: Marker

    def checked(self, checked: Checked) -> Checked:
        """The chunk, in which rows of erased keys are broken ones without cells."""
        good = [self._is_erased(text) for text in key_texts(checked.good, self.columns)]
        broken = [self._is_erased(raw_text(raw, self.columns)) for raw in checked.broken[RAW]]
        if not any(good) and not any(broken):
            return checked
        mask, aside = pl.Series(good, dtype=pl.Boolean), pl.Series(broken, dtype=pl.Boolean)
        refused = checked.good.filter(mask).select(pl.col(AT_FILE).alias(FILE), pl.col(AT_ROW).alias(ROW))
        gone = pl.concat([refused, checked.broken.filter(aside).select(FILE, ROW)])
        blank = gone.with_columns(
            pl.lit(ERASED).alias(REASON), pl.concat_str(pl.lit('{"erased": '), pl.col(ROW), pl.lit("}")).alias(RAW)
        ).cast(QUARANTINE)
        rows = checked.broken.filter(aside)[ROW]
        return replace(
            checked,
            good=checked.good.filter(~mask),
            broken=pl.concat([checked.broken.filter(~aside), blank]).sort(ROW, maintain_order=True),
            read=checked.read.filter(~pl.col(AT_ROW).is_in(rows.implode())),
        )

    def read(self, read: ReadRows) -> ReadRows:
        """What was pushed, in which rows of erased keys are broken ones without cells."""
        good = [self._is_erased(text) for text in key_texts(read.good, self.columns)]
        broken = tuple(
            self._blank(row) if self._is_erased(raw_text(raw, self.columns)) else (row, why, raw) for row, why, raw in read.broken
        )
        if not any(good):
            return replace(read, broken=broken)
        mask = pl.Series(good, dtype=pl.Boolean)
        refused = tuple(self._blank(row) for row in read.good.filter(mask)[AT_ROW])
        return replace(read, good=read.good.filter(~mask), broken=tuple(sorted((*broken, *refused))))

    def _blank(self, row: int) -> tuple[int, str, str]:
        return row, ERASED, f'{{"erased": {row}}}'

    def _is_erased(self, text: str | None) -> bool:
        return text is not None and self.marker.mark(self.dataset, text) in self.marks


Screens = Callable[[str, Sequence[str]], Screen | None]
"""The screen of a dataset with that key, None where nothing of it was ever erased."""


def nothing_erased(dataset: str, key: Sequence[str]) -> Screen | None:
    """No keys were erased."""
    del dataset, key
    return None


@dataclass(frozen=True)
class Screened(Compiled):
    """Judges as the contract does, behind a screen."""

    screen: Screen | None = None

    def judge(self, cells: pl.DataFrame, *, place: str, first_row: int = 1, look: Look | None = None) -> Checked:
        """As of any contract; rows of erased keys are set aside without their cells."""
        checked = super().judge(cells, place=place, first_row=first_row, look=look)
        return checked if self.screen is None else self.screen.checked(checked)


def screened(compiled: Compiled, screen: Screen | None) -> Compiled:
    """The contract behind the screen, if there is one."""
    return compiled if screen is None else Screened(**vars(compiled), screen=screen)
