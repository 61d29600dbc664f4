"""Steps on a cluster of Ray, on this host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from flyball.pipelines.executor import Executor
from flyball.testing.pipelines import ProcessExecutorSuite

pytest.importorskip("ray", reason="the extra `ray` is not installed")

from flyball.pipelines._ray import RayExecutor


@pytest.fixture(scope="class", autouse=True)
def _cluster(request: pytest.FixtureRequest) -> Iterator[None]:
    """One cluster for all tests: it takes longer to start than they do."""
    executor = RayExecutor(cpus=2)
    request.cls.executor = executor
    yield
    executor.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")  # Ray's own
@pytest.mark.timeout(280)
class TestRayExecutor(ProcessExecutorSuite):
    executor: RayExecutor

    def open(self) -> AbstractContextManager[Executor]:
        return nullcontext(self.executor)
