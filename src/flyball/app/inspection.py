"""What `ls`, `show` and `why` read: one database of a home, the live loop's or a backtest world's, and the home's data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyball.app.home import Home
from flyball.app.location import find_home
from flyball.app.rows import dataset_row, deployment_row, event_row, logged_run_row, run_row, version_row, view_row, window_row
from flyball.app.stores import Stores
from flyball.core.clock import WallClock
from flyball.core.duration import microseconds
from flyball.core.errors import InvalidError, NotFoundError
from flyball.core.events import Event
from flyball.core.ids import EventId, RandomIds, RunId
from flyball.core.rand import SeededRandom
from flyball.loop.catalogue import FEATURES_COMPILED
from flyball.loop.trace import causes, describe
from flyball.pipelines import InlineExecutor
from flyball.registry import ModelVersion
from flyball.releases import Deployment
from flyball.releases.rollout import Rollout
from flyball.serving.converting import get_conversion
from flyball.storage.events import EventQuery
from flyball.tracking import Run
from flyball.tracking.tracking import Tracking, open_tracking

QUARANTINE_SHOWN = 20
MOST_EXPERIMENTS = 50_000
HEXADECIMAL = re.compile(r"[0-9a-f]{1,32}")
KINDS = ("datasets", "views", "runs", "versions", "deployments", "windows", "events", "backtests")
OF_WORLDS = ("runs", "versions", "deployments", "windows")
Row = Mapping[str, Any]
Rows = Sequence[Row]
Names = Sequence[str]


class EventPrefixError(InvalidError):
    """More than one event begins so."""

    code = "event-prefix"

    def __init__(self, prefix: str, found: list[str]) -> None:
        super().__init__(
            f"{len(found)} events begin with {prefix!r}: {', '.join(found[:4])}{', …' if len(found) > 4 else ''}. Type more of it."
        )


class NothingSoNamedError(NotFoundError):
    """Nothing of that kind has that name."""

    code = "nothing-so-named"

    def __init__(self, kind: str, name: str, *, known: Names) -> None:
        names = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
        super().__init__(
            f"There is no {kind.removesuffix('s')} {name!r} here; there are: {names or 'none'}. List them with `flyball ls {kind}`."
        )


@dataclass(frozen=True)
class Inspection:
    """A home, and the database to look into: the home's own, or a world's."""

    home: Home
    stores: Stores
    world: str | None

    def causes(self, event: str) -> list[Event]:
        """The chain from an event, named by its id or the beginning of it, to the one without a cause.

        Raises:
            EventNotFoundError: no event has that id.
            EventPrefixError: several begin so.
        """
        return causes(self.stores.journal.log, self._event(event))

    def _event(self, prefix: str) -> EventId:
        log = self.stores.journal.log
        if log.find(EventId(prefix)) is not None:
            return EventId(prefix)
        found = [event.id for event in log.list() if event.id.startswith(prefix)]
        if len(found) > 1:
            raise EventPrefixError(prefix, list(found))
        return found[0] if found else EventId(prefix)

    def hint(self, kind: str) -> str:
        """Where else to look when there is nothing of this kind here."""
        worlds = self.home.worlds()
        if self.world is None and worlds and kind in OF_WORLDS:
            return f" Look into a backtest with --backtest {worlds[0]}."
        return ""

    def list(self, kind: str, name: str | None, *, limit: int) -> Rows:
        """The things of one of KINDS as flat rows, in the order of their numbers or times; the last `limit` of them."""
        stores = self.stores
        find: Mapping[str, Callable[[], Rows]] = {
            "datasets": lambda: [dataset_row(version) for version in self.home.data.list(name)],
            "views": lambda: [view_row(view) for view in self._views() if name in {None, view["view"]}],
            "runs": lambda: self._run_rows(name, limit),
            "versions": lambda: [self._version_row(version) for version in stores.registry.list(name)],
            "deployments": lambda: self._deployments(name),
            "windows": lambda: self._windows(name),
            "backtests": lambda: [{"backtest": world} for world in self.home.worlds() if name in {None, world.partition("/")[0]}],
            "events": lambda: [event_row(event) for event in stores.journal.log.list(EventQuery(subject_prefix=name))],
        }
        return find[kind]()[-limit:]

    def get(self, kind: str, name: str) -> Any:
        """One thing whole, as a value that has a canonical form.

        Raises:
            NotFoundError: there is none of that name.
        """
        find: Mapping[str, Callable[[str], Any]] = {
            "datasets": self._dataset,
            "views": self._view,
            "runs": self._run,
            "versions": self._version,
            "deployments": self._deployment,
            "windows": self._window,
            "backtests": self._backtest,
            "events": self._whole_event,
        }
        return find[kind](name)

    def _deployments(self, name: str | None) -> Rows:
        found = self.stores.releases.list_deployments()
        return [deployment_row(place, self._rollouts(place)) for place in found if name in {None, place.endpoint}]

    def _windows(self, name: str | None) -> Rows:
        return [window_row(found, self._metric(model)) for model in self._models(name) for found in self.stores.windows.list(model)]

    def _run_rows(self, name: str | None, limit: int) -> Rows:
        """The loop's trainings and what clients logged, of all experiments or of the one of this name, by their start."""
        rows = {str(run.id): (microseconds(run.started), run_row(run)) for run in self.stores.runs.list(name)}
        tracking = self._tracking()
        every = tracking.experiments.search(max_results=MOST_EXPERIMENTS).items
        named = {each.id: each.name for each in every if name in {None, each.name}}
        found = tracking.runs.search(tuple(named), order_by=("attributes.start_time DESC",), max_results=limit).items if named else ()
        logged = {run.head.id: (run.head.start_ms * 1000, logged_run_row(run, experiment=named[run.head.experiment])) for run in found}
        return [row for _, row in sorted({**logged, **rows}.values(), key=lambda each: (each[0], each[1]["run"]))]

    def _run(self, name: str) -> Run:
        begun = [str(run.id) for run in self.stores.runs.list() if run.id.startswith(name)]
        if not begun and HEXADECIMAL.fullmatch(name):
            tracking = self._tracking()
            everywhere = tuple(each.id for each in tracking.experiments.search(max_results=MOST_EXPERIMENTS).items)
            found = tracking.runs.search(everywhere, filter=f"attributes.run_id LIKE '{name}%'", max_results=2) if everywhere else None
            begun = [run.head.id for run in found.items] if found else []
        return self.stores.runs.get(RunId(begun[0] if len(begun) == 1 else name))

    def _tracking(self) -> Tracking:
        journal, stores = self.stores.journal, self.stores
        random = SeededRandom(0)  # nothing is made here, so nothing is named
        return open_tracking(stores.database, clock=stores.clock, ids=stores.ids, random=random, recorder=journal.recorder)

    def _view(self, name: str) -> Any:
        views = self._views()
        found = [view for view in views if name in {view["view"], view["name"]}]
        return found or self._missing("views", name, known=[view["name"] for view in views])

    def _deployment(self, name: str) -> Any:
        known = {found.endpoint: found for found in self.stores.releases.list_deployments()}
        found = known.get(name) or self._missing("deployments", name, known=list(known))
        return {"deployment": found, "rollouts": self._rollouts(found)}

    def _rollouts(self, deployment: Deployment) -> Sequence[Rollout]:
        return self.stores.releases.list_rollouts(deployment.environment, deployment.endpoint)

    def _window(self, name: str) -> Any:
        windows = {
            f"{found.model}/{found.start:%Y-%m-%d}": found for model in self._models(None) for found in self.stores.windows.list(model)
        }
        return windows.get(name) or self._missing("windows", name, known=list(windows))

    def _whole_event(self, name: str) -> Any:
        event = self.stores.journal.log.get(self._event(name))
        return {**event.to_cloudevent(), "summary": describe(event)}

    def _missing(self, kind: str, name: str, *, known: Names) -> Any:
        raise NothingSoNamedError(kind, name, known=known)

    def _dataset(self, name: str) -> Row:
        dataset, _, wanted = name.partition("@")
        versions = self.home.data.list(dataset)
        chosen = [version for version in versions if wanted in {"", str(version.number)}]
        if not chosen:
            self._missing("datasets", name, known=sorted({version.dataset for version in self.home.data.list()}))
        number = chosen[-1].number
        aside = self.home.data.quarantined(dataset, number)
        shown = aside.select("file", "row", "reason", "raw").head(QUARANTINE_SHOWN).to_dicts()
        return {
            "version": chosen[-1],
            "profile": self.home.data.get_profile(dataset, number),
            "quarantined": {"rows": len(aside), "first": shown},
        }

    def _version(self, name: str) -> Row:
        model, _, number = name.rpartition("/")
        known = [f"{version.model}/{version.number}" for version in self.stores.registry.list()]
        if not model or not number.isdecimal() or name not in known:
            self._missing("versions", name, known=known)
        found, evidence = self.stores.registry.find(model, int(number)), self.stores.registry.find_evidence(model, int(number))
        conversion = get_conversion(self.stores.journal.log, model, number=int(number))
        told = None if conversion is None else conversion.to_json()
        return {"version": found, "evidence": evidence, "gates": self._gates(model, int(number)), "conversion": told}

    def _gates(self, model: str, number: int) -> Row | None:
        events = self.stores.journal.log.list(EventQuery(type="gates.evaluated", subject=f"model/{model}/version/{number}"))
        return events[-1].data if events else None

    def _version_row(self, version: ModelVersion) -> Row:
        places = [found for found in self.stores.releases.list_deployments() if found.model == version.model]
        roles = {found.champion: "champion" for found in places} | {found.canary: "canary" for found in places if found.canary is not None}
        evidence = self.stores.registry.find_evidence(version.model, version.number)
        return version_row(version, evidence=evidence, gates=self._gates(version.model, version.number), role=roles.get(version.number))

    def _metric(self, model: str) -> str | None:
        """The metric that the model is judged by, as its versions' evidence says."""
        found = (self.stores.registry.find_evidence(model, version.number) for version in self.stores.registry.list(model))
        return next((evidence.metric for evidence in found if evidence is not None), None)

    def _backtest(self, name: str) -> Row:
        world = self.home.find_world(name)
        return {"world": name, "directory": world.name}

    def _models(self, name: str | None) -> Names:
        subjects = {event.subject.split("/")[1] for event in self.stores.journal.log.list(EventQuery(type="loop.started"))}
        return sorted(subjects if name is None else subjects & {name})

    def _views(self) -> Rows:
        compiled = {event.subject: event for event in self.home.stores.journal.log.list(EventQuery(type=FEATURES_COMPILED))}
        return [view for event in compiled.values() for view in event.data["features"]]


@contextmanager
def open_inspection(home: Path | None, world: str | None) -> Iterator[Inspection]:
    """Open the home (the given one, or the one found from here) and the world, to look only.

    Raises:
        HomeNotFoundError: there is no home.
        WorldNotFoundError: the home has no such backtest.
    """
    place = find_home(home, Path.cwd())
    with Home.open(place, executor=InlineExecutor()) as found:
        if world is None:
            yield Inspection(found, found.stores, None)
            return
        stores = Stores.open(found.find_world(world), clock=WallClock(), ids=RandomIds())
        try:
            yield Inspection(found, stores, world)
        finally:
            stores.close()
