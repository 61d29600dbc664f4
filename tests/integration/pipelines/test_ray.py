"""Steps on a cluster of Ray, on this host."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager, nullcontext

import pytest

from flyball.pipelines.errors import ClusterNotFoundError
from flyball.pipelines.executor import Executor
from flyball.testing.pipelines import ProcessExecutorSuite

pytest.importorskip("ray", reason="the extra `ray` is not installed")

from flyball.pipelines._ray import RayExecutor, attach


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")  # Ray's own
@pytest.mark.timeout(280)
@pytest.mark.usefixtures("ray_here")
class TestRayExecutor(ProcessExecutorSuite):
    def open(self) -> AbstractContextManager[Executor]:
        return nullcontext(RayExecutor(cpus=2))


@pytest.mark.usefixtures("ray_here")
def test_who_is_in_a_cluster_hears_signals_as_before() -> None:
    assert not str(getattr(signal.getsignal(signal.SIGTERM), "__module__", "")).startswith("ray")


def test_an_address_where_no_cluster_is_says_so_at_once() -> None:
    with pytest.raises(ClusterNotFoundError, match="ray start --head") as raised:
        attach("127.0.0.1:1")
    assert raised.value.code == "cluster-not-found"
    for nonsense in ("nonsense", "ray://", "a:b:c", ""):
        with pytest.raises(ClusterNotFoundError, match="HOST:PORT"):
            attach(nonsense)
