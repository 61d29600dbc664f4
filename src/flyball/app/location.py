"""Where a home is: the directory that holds everything Flyball keeps for one project."""

from __future__ import annotations

from pathlib import Path

from flyball.core.errors import InvalidError, NotFoundError

HOME = ".flyball"
DATABASE = "flyball.db"
PLACES = "places.json"
TABLES_URL = "FLYBALL_TABLES_URL"
KEYS = "keys"
ERASURE_SECRET = Path(KEYS, "erasure.secret")
LOCK = "owner.lock"
ONLINE = "online.db"
PREDICTIONS, ROWS = Path("journal", "predictions"), Path("journal", "rows")
RECORDS, SERVERS = Path("journal", "records"), Path("journal", "servers")
PLAN, CODE = Path("serving", "plan.json"), Path("serving", "code")
CODE_IN_USE = Path("run", "code.json")  # the snapshot that the next training will name: no table does until then


class HomeNotFoundError(NotFoundError):
    """No home where one was looked for."""

    code = "home-not-found"

    def __init__(self, place: Path) -> None:
        super().__init__(
            f"There is no Flyball home at {place}. Name it with --home DIR or FLYBALL_HOME, or make one: `flyball backtest PROJECT.py` "
            "for a project, `flyball import model FILE` for a model that you have, `flyball server` to keep runs and models."
        )


class HomeIsFileError(InvalidError):
    """A file stands where the home should be."""

    code = "home-is-file"

    def __init__(self, place: Path) -> None:
        super().__init__(f"The home {place} is a file; a home is a directory. Name another with --home DIR or FLYBALL_HOME.")


class SeveralHomesError(InvalidError):
    """Several homes, and none named."""

    code = "several-homes"

    def __init__(self, found: list[Path]) -> None:
        places = ", ".join(str(place) for place in found)
        super().__init__(f"There are several Flyball homes below here: {places}. Name one with --home DIR or FLYBALL_HOME.")


def home_of_project(project: Path, explicit: Path | None) -> Path:
    """The home that belongs to a project file: the explicit one, else `.flyball` beside the file; it need not exist yet.

    Raises:
        HomeIsFileError: a file stands there.
    """
    place = (explicit or project.resolve().parent / HOME).resolve()
    if place.exists() and not place.is_dir():
        raise HomeIsFileError(place)
    return place


def find_home(explicit: Path | None, start: Path) -> Path:
    """The existing home to look into.

    It is the explicit one; else `.flyball` in `start` or the nearest directory above it; else the only one in the two levels of
    directories below.

    Raises:
        HomeNotFoundError: there is none.
        SeveralHomesError: there are several below, and none in `start` or above.
    """
    start = start.resolve()
    if explicit is not None:
        if explicit.is_file():
            raise HomeIsFileError(explicit.resolve())
        if not _is_home(explicit.resolve()):
            raise HomeNotFoundError(explicit.resolve())
        return explicit.resolve()
    for folder in (start, *start.parents):
        if _is_home(folder / HOME):
            return folder / HOME
    below = sorted(place for pattern in (f"*/{HOME}", f"*/*/{HOME}") for place in start.glob(pattern) if _is_home(place))
    if len(below) > 1:
        raise SeveralHomesError([place.relative_to(start) for place in below])
    if not below:
        raise HomeNotFoundError(start / HOME)
    return below[0]


def _is_home(place: Path) -> bool:
    return (place / DATABASE).is_file() or (place / PLACES).is_file()
