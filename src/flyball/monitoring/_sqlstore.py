"""Windows on the home's database; plain SQLAlchemy Core."""

from __future__ import annotations

import builtins
from datetime import datetime

from flyball.core.clock import utc
from flyball.core.optional import extra
from flyball.monitoring._sql import windows
from flyball.monitoring.windows import Window
from flyball.storage.database import Database

with extra("store"):
    from sqlalchemy import and_, delete, insert, select


class SqlWindowStore:
    """A `WindowStore` in the table `monitoring_windows`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, window: Window) -> None:
        here = and_(windows.c.model == window.model, windows.c.start == window.start)
        with self._database.write() as connection:
            connection.execute(delete(windows).where(here))
            connection.execute(
                insert(windows).values(model=window.model, start=window.start, state=window.state.value, content=window.to_json())
            )

    def find(self, model: str, start: datetime) -> Window | None:
        here = and_(windows.c.model == model, windows.c.start == utc(start))
        with self._database.read() as connection:
            data = connection.execute(select(windows.c.content).where(here)).scalar_one_or_none()
            return None if data is None else Window.from_json(data)

    def list(self, model: str, *, since: datetime | None = None, until: datetime | None = None) -> builtins.list[Window]:
        found = select(windows.c.content).where(windows.c.model == model).order_by(windows.c.start)
        if since is not None:
            found = found.where(windows.c.start >= utc(since))
        if until is not None:
            found = found.where(windows.c.start < utc(until))
        with self._database.read() as connection:
            return [Window.from_json(data) for data in connection.execute(found).scalars()]
