"""What every test shares: the limits of generated examples, and where the repository stands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from flyball.storage.database import open_database
from tests.databases import Databases, PostgresDatabases, SqliteDatabases
from tests.postgres import HASTY, PostgresServer, binaries, serving
from tests.rays import cluster

ROOT = Path(__file__).resolve().parent.parent
collect_ignore = ["clients"]  # scripts for the stock clients' own environments

# `ci` draws the same examples in every run, so that a red run means a changed product; `deep` is for nights and hunts.
settings.register_profile("ci", max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout that holds this test."""
    return ROOT


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, where this machine has one."""
    programs = binaries()
    if programs is None:
        pytest.skip("there is no PostgreSQL on this machine: neither on PATH nor in /usr/lib/postgresql")
    with serving(programs, HASTY) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """A database with this version's schema, which tests copy."""
    template = postgres.create()
    open_database(postgres.url(template)).close()
    return template


@pytest.fixture(scope="session")
def ray_here() -> Iterator[str]:
    """The address of a cluster of Ray that this process is in, for all tests: it takes longer to start than they do."""
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    from flyball.pipelines._ray import attach

    with cluster() as address:
        attach(address)
        yield address
        ray.shutdown()


@pytest.fixture
def postgres_databases(postgres: PostgresServer, postgres_template: str) -> Iterator[PostgresDatabases]:
    """Databases on the server, each a copy of the migrated template."""
    databases = PostgresDatabases(postgres, postgres_template)
    yield databases
    databases.drop()


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """The databases of each engine in turn."""
    if request.param == "sqlite":
        return SqliteDatabases()
    found: PostgresDatabases = request.getfixturevalue("postgres_databases")
    return found
