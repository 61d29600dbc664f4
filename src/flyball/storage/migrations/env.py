# ruff: noqa: INP001  Alembic loads this file by its path, not as a part of a package
"""What Alembic runs: the migrations, on the connection and in the transaction that the caller has open."""

from __future__ import annotations

from alembic import context

from flyball.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's DDL is transactional when the driver begins no transactions of its own
    render_as_batch=True,
)
context.run_migrations()
