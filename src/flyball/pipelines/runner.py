"""Running a step: found in the cache, or computed once and committed as a whole."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flyball.core.canonical import canonical, digest
from flyball.core.ids import Digest
from flyball.pipelines.errors import StepFailedError
from flyball.pipelines.executor import Executor, Work
from flyball.pipelines.model import Manifest, Step, StepResult
from flyball.pipelines.store import StepCache
from flyball.storage.blobs import BlobStore
from flyball.storage.errors import BlobCorruptError, BlobNotFoundError, DiskFullError, os_errors
from flyball.storage.scratch import Scratch


class StepRunner:
    """A step that has run with the same code, parameters and inputs does not run again.

    `fingerprint` gives the transitive fingerprint of a module's code. Outputs become blobs before the manifest is committed under
    the step's key, so that a kill at any moment leaves a step done or not done. Thread-safe: of two threads that ask for one step,
    the second waits for the first. Two processes that run one step at once both compute it, and the first commit is the one that
    counts.
    """

    def __init__(
        self, cache: StepCache, blobs: BlobStore, *, executor: Executor, fingerprint: Callable[[str], Digest], scratch: Path
    ) -> None:
        self._cache, self._blobs = cache, blobs
        self._executor, self._fingerprint = executor, fingerprint
        self._scratch = Scratch(scratch)
        self._guard = threading.Lock()
        self._turns: dict[Digest, threading.Lock] = {}

    def key(self, step: Step) -> Digest:
        """The step's identity: name, function and its code, parameters, and the inputs' digests."""
        code = self._fingerprint(step.function.partition(":")[0])
        return digest({"name": step.name, "function": step.function, "code": code, "parameters": step.parameters, "inputs": step.inputs})

    def find(self, step: Step) -> StepResult | None:
        """The step's result if it has run and its outputs are still whole, else None."""
        key = self.key(step)
        manifest = self._found(key)
        return None if manifest is None else _result(key, manifest, cached=True)

    def run(self, step: Step) -> StepResult:
        """The step's result, computed if need be.

        Raises:
            StepFailedError, StepTimeoutError: the step's code did not come to a good end; nothing was committed.
            DiskFullError: there was no room for it.
            BlobNotFoundError: an input does not exist.
        """
        key = self.key(step)
        with self._guard:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            found = self._found(key)
            if found is not None:
                return _result(key, found, cached=True)
            with self._scratch.directory() as place, os_errors(place):
                computed = self._compute(step, place)
            kept = self._cache.commit(key, computed)
            return _result(key, kept, cached=False, diverged=canonical(kept) != canonical(computed))

    def _found(self, key: Digest) -> Manifest | None:
        manifest = self._cache.find(key)
        if manifest is None or not all(self._is_whole(output) for output in manifest.outputs.values()):
            return None
        return manifest

    def _is_whole(self, output: Digest) -> bool:
        # What was deleted or damaged by hand is computed anew: the same content under the same address heals it.
        try:
            self._blobs.open_path(output)
        except (BlobNotFoundError, BlobCorruptError):
            return False
        return True

    def _compute(self, step: Step, place: Path) -> Manifest:
        outputs = place / "outputs"
        outputs.mkdir()
        work = Work(
            step=step.name,
            function=step.function,
            parameters=json.loads(canonical(step.parameters)),
            context=json.loads(canonical(step.context)),
            inputs={name: str(self._blobs.open_path(blob)) for name, blob in step.inputs.items()},
            outputs=str(outputs),
            log=str(place / "log.txt"),
        )
        summary = self._execute(work, None if step.timeout is None else step.timeout.total_seconds())
        files = sorted(path for path in outputs.iterdir() if path.is_file())
        return Manifest(step=step.name, outputs={path.name: self._blobs.put_file(path) for path in files}, summary=summary)

    def _execute(self, work: Work, timeout_seconds: float | None) -> Mapping[str, Any]:
        try:
            return self._executor.execute(work, timeout_seconds)
        except StepFailedError as error:
            if error.kind == DiskFullError.code:  # the machine's fault, not the model's: it must end the run, not become a story
                raise DiskFullError(Path(work.outputs)) from error
            raise


def _result(key: Digest, manifest: Manifest, *, cached: bool, diverged: bool = False) -> StepResult:
    return StepResult(key=key, outputs=manifest.outputs, summary=manifest.summary, cached=cached, diverged=diverged)
