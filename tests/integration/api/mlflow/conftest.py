"""The door for MLflow's clients, on a real socket, in front of a home of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flyball.api.app import Limits
from flyball.governance.limits import Rates
from flyball.storage.database import Database, open_database
from flyball.testing.mlflow import open_mlflow_door, open_services
from flyball.tracking.artifact import ArtifactLimits
from tests.asking import Door
from tests.postgres import PostgresServer

TOKEN = "t" * 43
UNLIMITED = Rates(dict.fromkeys(Rates().known, None), strangers=None)
LIMITS = Limits(body_bytes=2_000_000, body_seconds=1.0, rates=UNLIMITED)
FILE_LIMITS = ArtifactLimits(request_bytes=6_000_000, upload_bytes=30_000_000)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    home: Path = tmp_path_factory.mktemp("home")
    with (
        open_services(home, limits=FILE_LIMITS, database=_database(request)) as services,
        open_mlflow_door(services, token=TOKEN, limits=LIMITS) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as owner,
        httpx.Client(base_url=url, timeout=60) as stranger,
    ):
        yield Door(url, services, owner, stranger)


def _database(request: pytest.FixtureRequest) -> Database | None:
    if request.param == "sqlite":
        return None
    server: PostgresServer = request.getfixturevalue("postgres")
    return open_database(server.url(server.create(template=request.getfixturevalue("postgres_template"))))
