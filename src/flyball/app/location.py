"""Where a home is: the directory that holds everything Flyball keeps for one project."""

from __future__ import annotations

from pathlib import Path

from flyball.core.errors import NotFoundError

HOME = ".flyball"


class HomeNotFoundError(NotFoundError):
    """No home where one was looked for."""

    code = "home-not-found"

    def __init__(self, looked: list[Path]) -> None:
        places = ", ".join(str(place) for place in looked)
        super().__init__(
            f"There is no Flyball home at {places}. Name it with --home DIR or FLYBALL_HOME, or make one with "
            "`flyball backtest PROJECT.py`."
        )


def home_of_project(project: Path, explicit: Path | None) -> Path:
    """The home that belongs to a project file: the explicit one, else `.flyball` beside the file; it need not exist yet."""
    return (explicit or project.resolve().parent / HOME).resolve()


def find_home(explicit: Path | None, start: Path) -> Path:
    """The existing home to look into: the explicit one, else `.flyball` in `start` or the nearest directory above it.

    Raises:
        HomeNotFoundError: there is none; the message names where it was looked for.
    """
    if explicit is not None:
        places = [explicit.resolve()]
    else:
        start = start.resolve()
        places = [folder / HOME for folder in (start, *start.parents)]
    for place in places:
        if (place / "flyball.db").is_file():
            return place
    raise HomeNotFoundError(places[:1])
