"""A model that was brought as a file, made the next version of a registered model of the home, converted and measured at once."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flyball.app.conversions import Conversions
from flyball.app.importing.target import Importer
from flyball.app.keeping import Keeping, open_keeping
from flyball.app.places import Places
from flyball.app.stores import Stores
from flyball.core.clock import MonotonicTimer, WallClock
from flyball.core.errors import InvalidError
from flyball.core.ids import RandomIds
from flyball.pipelines import ConfinedExecutor
from flyball.registry.refusals import ModelExistsError
from flyball.registry.registered import RegisteredVersion, VersionRequest
from flyball.runtimes import CodeNotAllowedError
from flyball.runtimes.bringing import Brought
from flyball.runtimes.packing import Packed
from flyball.serving.converting import Conversion, get_conversion
from flyball.serving.packing import PackRefusedError, pack_apart
from flyball.storage.blobs import BlobStore
from flyball.tracking.artifacts import Root, RootKind
from flyball.tracking.model import RunStatus

IMPORTED_FROM = "flyball.imported-from"
"""The tag of a run that says which file its model was."""
PATIENCE_SECONDS = 600.0
_EXPERIMENT, _PLACE = "0", "model"
_LOOK_SECONDS = 0.2


class CodeNotTrustedError(InvalidError):
    """A model that carries code, imported without a word that it is trusted."""

    code = "code-not-trusted"

    def __init__(self, name: str, words: str) -> None:
        super().__init__(f"{name} carries code ({words}). Nothing was imported. If you trust who made it, import it with --run-code.")


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The version that was made, as what it is kept, and what came of its conversion; None where that is still under way."""

    version: RegisteredVersion
    packed: Packed
    conversion: Conversion | None


def packed_for(brought: Brought, *, told_from: str, run_code: bool) -> Packed:
    """What is served of the files, told by a confined process; nothing is kept.

    Raises:
        CodeNotTrustedError: they carry code, and nobody said that it may run.
        FlyballError: they are no model that can be served.
    """
    try:
        return pack_apart(brought.files, may_run_code=run_code, executor=ConfinedExecutor())
    except PackRefusedError as error:
        if error.because == CodeNotAllowedError.code:
            raise CodeNotTrustedError(told_from, brought.words) from error
        raise


def import_model(home: Path, name: str, *, brought: Brought, told_from: str, importer: Importer) -> Imported:
    """Make the model's next version of the files, and convert it; the registered model is made where there is none.

    Raises:
        CodeNotTrustedError: it carries code, and the importer did not say that it may run.
        FlyballError: it is no model that can be served, its name may not be, or the home cannot be written; then nothing was made.
    """
    packed = packed_for(brought, told_from=told_from, run_code=importer.may_run_code)
    stores = Stores.at_home(home, clock=WallClock(), ids=RandomIds(), actor=importer.principal)
    try:
        blobs = Places.of(home, os.environ).open_blobs(home)
        version = _register(open_keeping(stores, blobs), name, brought=brought, told_from=told_from, importer=importer)
        return Imported(version=version, packed=packed, conversion=_convert(stores, blobs, version=version))
    finally:
        stores.close()


def _register(keeping: Keeping, name: str, *, brought: Brought, told_from: str, importer: Importer) -> RegisteredVersion:
    registry, runs = keeping.registry.by(importer.principal), keeping.tracking.runs
    with suppress(ModelExistsError):  # this is the next version of it then
        registry.create(name)
    run = runs.create(_EXPERIMENT, name=f"import {told_from}"[:250], user=importer.principal, tags={IMPORTED_FROM: told_from[:500]}).head.id
    root = Root(RootKind.RUN, _EXPERIMENT, run)
    try:
        for path, data in brought.files.items():
            keeping.artifacts.put(root, f"{_PLACE}/{path}", chunks=[data], principal=importer)
        request = VersionRequest(source=f"runs:/{run}/{_PLACE}", run=run)
        version = registry.create_version(name, request, principal=importer)
    except BaseException:
        runs.update(run, status=RunStatus.FAILED)
        raise
    runs.update(run, status=RunStatus.FINISHED)
    return version


def _convert(stores: Stores, blobs: BlobStore, *, version: RegisteredVersion) -> Conversion | None:
    """What comes of it, whoever converts: this process, or the server that runs the home and saw the version first."""
    timer = MonotonicTimer()
    until = timer.seconds() + PATIENCE_SECONDS
    conversions = Conversions(stores, blobs)
    conversions.look()
    while timer.seconds() < until:
        found = get_conversion(stores.journal.log, version.name, number=version.number)
        if found is not None:
            return found
        if not conversions.run_once():
            time.sleep(_LOOK_SECONDS)
    return None
