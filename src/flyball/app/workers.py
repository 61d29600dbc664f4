"""How many processes a model server has: a number, or bounds between which it follows what is asked of it; standard library only."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Self

from flyball.app.settings import SettingError

_TEXT = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
_LEAST_MOST = 2
"""So many may run on a machine of one core: one answers while another starts."""


@dataclass(frozen=True, slots=True)
class Workers:
    """At least `least` processes and at most `most`.

    >>> Workers.parse("2-4"), str(Workers.parse("3"))
    (Workers(least=2, most=4), '3')
    """

    least: int = 1
    most: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """What ``N`` or ``MIN-MAX`` says.

        Raises:
            SettingError: it is neither, or says none.
        """
        found = _TEXT.fullmatch(text.strip())
        least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= least <= most:
            raise SettingError("--workers", repr(text[:40]), wanted="a number from 1, or bounds like 1-4")
        return cls(least, most)

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least}-{self.most}"

    @property
    def alone(self) -> bool:
        """Whether one process is all there ever is."""
        return self.most == 1

    def within(self, cores: int) -> Workers:
        """These, but no more than the machine has cores: more would only take turns."""
        most = max(cores, _LEAST_MOST)
        return Workers(min(self.least, most), min(self.most, most))


def cores() -> int:
    """The processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
