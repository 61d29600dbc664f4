"""After a version is registered, whoever made it: what carries code in it is written anew where that answers the same, and it is measured.

A durable job for each, in a lane of its own: no release waits for it.

The log is read once, from where it was read to: a registration that was made while nobody ran, or that an import brought, is seen as well.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from flyball.app.byhand import find_version
from flyball.app.keeping import Keeping, open_keeping
from flyball.app.stores import Stores
from flyball.core.clock import MonotonicTimer
from flyball.core.errors import FlyballError, NotFoundError, UnavailableError
from flyball.core.ids import Digest, RunId
from flyball.pipelines import ConfinedExecutor, Executor
from flyball.pipelines.jobs import Commit, JobWorker
from flyball.registry import version_subject
from flyball.runtimes import read_manifest
from flyball.runtimes.packing import Packed
from flyball.serving.byhand import FoundVersion, ModelReference
from flyball.serving.converting import CONVERTED, Conversion, convert_packed, convert_version, record_conversion
from flyball.storage.blobs import BlobStore
from flyball.storage.jobs import Job

KIND = LANE = NAME = "conversions"
REGISTERED = "version.registered"
LOOK_SECONDS = 1.0
_BATCH = 1000
_LOG = logging.getLogger(__name__)


class ConversionKind:
    """The job of one version: its model is loaded and converted in a confined process, and what came of it is told with the version."""

    def __init__(self, stores: Stores, content: BlobStore, *, executor: Executor) -> None:
        self._stores, self._content, self._executor = stores, content, executor

    def prepare(self, job: Job) -> Commit:
        """Convert; nothing of the registry changes before the commit. Of a version that was deleted meanwhile there is nothing to do."""
        reference = ModelReference(str(job.payload["model"]), number=int(job.payload["version"]))
        keeping = open_keeping(self._stores, self._content)
        try:
            version = find_version(keeping, self._stores.journal.log, reference=reference, content=self._content)
        except NotFoundError as gone:
            told = {"verdict": "gone", "reason": str(gone)}
            return lambda: told
        found = self._converted(version, trained=bool(job.payload.get("trained")), keeping=keeping)

        def commit() -> Mapping[str, Any]:
            record_conversion(self._stores.journal.recorder, version, found=found, cause=job.cause)
            return {"verdict": found.verdict, "form": found.form}

        return commit

    def _converted(self, version: FoundVersion, *, trained: bool, keeping: Keeping) -> Conversion:
        if not trained:
            return convert_version(version, self._content, executor=self._executor)
        registered = keeping.registry.get_version(version.name, version.number)
        run = self._stores.runs.find(RunId(registered.made.run))
        samples = None if run is None else run.artifacts.get("samples")
        rows = self._content.get(Digest(samples)) if samples is not None else b""
        packed = Packed.parse(self._content.get(registered.made.digest))
        return convert_packed(packed, self._content, executor=self._executor, rows=rows)

    def failed(self, job: Job, error: Exception) -> None:
        """It is told that the version is kept as it is; of one that was deleted under way there is nothing to tell."""
        if isinstance(error, NotFoundError):
            return
        facts = {"version": job.payload["version"], **Conversion(verdict="kept", reason=str(error)).to_json()}
        subject = version_subject(str(job.payload["model"]), int(job.payload["version"]))
        self._stores.journal.recorder.record(CONVERTED, subject, data=facts, cause=job.cause)


class Conversions:
    """Finds what was registered, and converts it, in a thread of its own until closed."""

    def __init__(self, stores: Stores, content: BlobStore, *, executor: Executor | None = None) -> None:
        self._stores, self._content = stores, content
        kinds = {KIND: ConversionKind(stores, content, executor=executor or ConfinedExecutor())}
        timer = MonotonicTimer()
        self._worker = JobWorker(stores.jobs, kinds, transactions=stores.database, timer=timer, lanes=[LANE], name=NAME)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)

    def start(self) -> None:
        """Go on where an earlier process of this home was ended."""
        self._stores.jobs.recover_of(NAME)
        self._thread.start()

    def close(self, seconds: float = 1.0) -> None:
        """End; a conversion under way is done again by the next process. Idempotent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def run_all(self) -> int:
        """Convert all that is registered and not converted by now; how many that were."""
        self.look()
        count = 0
        while self._worker.run_once():
            count += 1
        return count

    def run_once(self) -> bool:
        """Convert the next version that waits; False where none does."""
        return self._worker.run_once()

    def look(self) -> int:
        """A job for every version that was registered since the last look; how many of them are new."""
        positions, log = self._stores.positions, self._stores.journal.log
        found = 0
        while True:
            batch = log.read_after(positions.get(NAME), _BATCH)
            if not batch:
                return found
            with self._stores.database.write():
                for _, event in batch:
                    if event.type == REGISTERED and (event.data.get("source") or self._is_model(event.data)):
                        model = event.subject.removeprefix("model/").rpartition("/version/")[0]
                        payload = {"model": model, "version": event.data["version"], "trained": not event.data.get("source")}
                        self._stores.jobs.create(KIND, lane=LANE, payload=payload, key=f"{KIND}/{event.id}", cause=event.id)
                        found += 1
                positions.set(NAME, batch[-1][0])

    def _is_model(self, data: Mapping[str, Any]) -> bool:
        """Whether a version that a project trained can be read."""
        try:
            read_manifest(self._content.open_path(Digest(str(data["digest"]))))
        except (FlyballError, KeyError):  # gone meanwhile, or no model of ours
            return False
        return True

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.look()
                while not self._stop.is_set() and self._worker.run_once():
                    pass
            except UnavailableError as error:
                _LOG.warning("Versions that were registered are converted later: %s", error)
            except Exception:  # noqa: BLE001  the rim of a thread that must go on
                _LOG.exception("The conversions could not go on; they are tried again")
