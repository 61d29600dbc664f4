"""The release store's tables."""

from __future__ import annotations

from flyball.core.optional import extra
from flyball.storage.schema import Json, metadata

with extra("store"):
    from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table

deployments = Table(
    "deployments",
    metadata,
    Column("environment", String(64), primary_key=True),
    Column("endpoint", String(128), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("deployment", Json, nullable=False),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("environment", String(64), primary_key=True),
    Column("endpoint", String(128), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("rollout", Json, nullable=False),
)

rewards = Table(
    "rewards",
    metadata,
    Column("endpoint", String(128), primary_key=True),
    Column("prediction", String(80), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("reward", Float, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Index("rewards_answered", "endpoint", "answered"),
)
