"""Whether something came into a source, by names, sizes and times alone: cheap enough to ask every second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flyball.core.clock import Timer
from flyball.data.declared.files import FileSource
from flyball.data.errors import SourceMissingError
from flyball.data.fileerrors import FileFormatError
from flyball.data.model import Dataset
from flyball.data.sources.files.places import LocalPlace

SETTLED_SECONDS = 1.0
_Stamps = Mapping[str, tuple[object, ...]]


@dataclass
class _Seen:
    """What a source looked like when it was last told of, what differs since, and for how long that has stood still."""

    told: _Stamps = field(default_factory=dict)
    news: _Stamps = field(default_factory=dict)
    since_seconds: float = 0.0


class SourceWatch:
    """Tells once of each file that is new or changed, when it has not changed for a second of the timer. Opens no file. Not thread-safe."""

    def __init__(self, timer: Timer, *, settled_seconds: float = SETTLED_SECONDS) -> None:
        self._timer, self._settled_seconds = timer, settled_seconds
        self._seen: dict[Dataset, _Seen] = {}

    def changed(self, dataset: Dataset, root: Path) -> bool:
        """Whether files of the source are new or changed since this last said so; the first time, whether there are any.

        While a file still grows, nothing is said: whoever read it would find it changed. A file that is gone is no news.

        Raises:
            SourceDeniedError: the operating system refuses.
        """
        stamps = _stamps(dataset, root)
        seen = self._seen.get(dataset)
        if seen is None:
            self._seen[dataset] = _Seen(told=stamps)
            return bool(stamps)
        news = {name: stamp for name, stamp in stamps.items() if seen.told.get(name) != stamp}
        now = self._timer.seconds()
        if news != seen.news:
            seen.news, seen.since_seconds = news, now
        if not news or now - seen.since_seconds < self._settled_seconds:
            return False
        seen.told, seen.news = stamps, {}
        return True

    def forget(self, dataset: Dataset) -> None:
        """Tell of everything again, as after an ingest that failed."""
        self._seen.pop(dataset, None)


def _stamps(dataset: Dataset, root: Path) -> _Stamps:
    source = dataset.source
    if not isinstance(source, FileSource) or source.is_remote:  # nothing tells of those but asking them
        return {}
    try:
        return {file.name: file.stamp for file in LocalPlace(source, root, dataset=dataset.name).list()}
    except (SourceMissingError, FileFormatError):
        return {}
    except FileNotFoundError:  # gone between the listing and the look at it; the next look tells
        return {}
