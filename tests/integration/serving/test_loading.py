"""What a plan names is made ready, or refused without a trace."""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path

import msgspec
import polars as pl

from flyball.app.modelserver import declared
from flyball.core.clock import MonotonicTimer
from flyball.serving.child import ChildModel
from flyball.serving.errors import VersionRefusedError
from flyball.serving.loading import Loader
from flyball.serving.plan import ServingPlan
from flyball.serving.selfcheck import SCORE
from flyball.serving.version import NOTHING, Serving
from flyball.testing.serving_home import Answers, ServingHome
from tests.live import wait_for


class Published:
    """Vectors of which nothing is asked."""

    ready = True

    def __init__(self, features: object) -> None:
        del features


def samples(home: ServingHome, *, score: float) -> bytes:
    """A row of nothing, with the score that a version gave it."""
    schema = home.features().dtypes
    out = BytesIO()
    pl.DataFrame({**{name: pl.Series(name, [None], dtype=dtype) for name, dtype in schema.items()}, SCORE: [score]}).write_ipc(out)
    return out.getvalue()


def load(home: ServingHome, plan: ServingPlan, *, scratch: Path) -> tuple[Serving, list[object], int]:
    """What was loaded and refused, and how many processes of models run once all that may end has ended."""

    async def main() -> tuple[Serving, list[object], int]:
        loader = Loader(
            home.blobs, home.path / "code", declared, Published,  # type: ignore[arg-type]  # nothing is computed
            timer=MonotonicTimer(), loop=asyncio.get_running_loop(), deadline_seconds=60, scratch=scratch,
        )  # fmt: skip
        serving, refused = await asyncio.to_thread(loader.load, plan, NOTHING)
        children = [version.model for found in serving.endpoints.values() for version in found.versions.values()]
        kept = [model for model in children if isinstance(model, ChildModel)]
        # Each has a directory of its own, for as long as it lives.
        await asyncio.to_thread(wait_for, lambda: len(list(scratch.iterdir())) == len(kept), 60, told="the end of what is not used")
        for child in kept:
            await child.close()
        return serving, list(refused), len(kept)

    return asyncio.run(main())


def test_the_process_of_a_version_that_is_refused_ends(tmp_path: Path) -> None:
    home = ServingHome.trips(tmp_path)
    home.add_linear(1)
    home.versions[2] = msgspec.structs.replace(
        home.add_pickle(2, Answers(0.75)), samples=home.blobs.put(samples(home, score=0.25))
    )  # it scores otherwise than when it was made
    serving, refused, running = load(home, home.plan(1, 2, share=0.5), scratch=tmp_path / "scratch")
    assert [type(error) for error in refused] == [VersionRefusedError]
    assert not serving.endpoints
    assert running == 0


def test_the_process_of_a_version_that_answers_goes_on(tmp_path: Path) -> None:
    home = ServingHome.trips(tmp_path)
    home.versions[1] = msgspec.structs.replace(home.add_pickle(1, Answers(0.25)), samples=home.blobs.put(samples(home, score=0.25)))
    serving, refused, running = load(home, home.plan(1), scratch=tmp_path / "scratch")
    assert not refused
    assert list(serving.endpoints) == ["late"]
    assert running == 1
