"""What every test shares: the limits of generated examples, and where the repository stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
