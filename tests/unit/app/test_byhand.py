"""What `flyball serve` is told to serve has one answer for each name."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyball.app.byhand import FetchedVersion, OneEndpointError, lay_out_fetched


def test_two_versions_of_one_model_are_refused_rather_than_one_of_them_forgotten(tmp_path: Path) -> None:
    versions = [FetchedVersion(name="churn", number=number, files={}) for number in (3, 4)]
    with pytest.raises(OneEndpointError, match="models:/churn/3 and models:/churn/4 would answer at one endpoint"):
        lay_out_fetched(tmp_path / "home", versions, port=1, run_code=False)
    assert not (tmp_path / "home" / "serving" / "byhand" / "1.json").exists()
