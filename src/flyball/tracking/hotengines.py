"""Which engine's hot writes a database has; the one place in the room that chooses."""

from __future__ import annotations

from flyball.storage.database import Database
from flyball.tracking.hot import HotWrites


def hot_writes(database: Database) -> HotWrites:
    """The hot writes of this database's engine."""
    match database.engine_name:
        case "sqlite":
            from flyball.tracking._sqlitehot import GroupedWrites

            return GroupedWrites(database)
        case "postgresql":
            from flyball.tracking._postgreshot import PostgresWrites

            return PostgresWrites(database)
