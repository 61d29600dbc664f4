"""The reference names every route, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

GOLDEN = Path(__file__).parents[2] / "golden" / "who-may.json"
PAGE = "docs/reference/http.md"
ROUTE = re.compile(r"`(GET|POST|DELETE) (/[^`?\s]*)[^`]*`")


def test_the_page_has_every_route(repository: Path) -> None:
    routes = set(json.loads(GOLDEN.read_text(encoding="utf-8"))["control plane"]) - {"GET /no-such-route"}
    told = {" ".join(found) for found in ROUTE.findall((repository / PAGE).read_text(encoding="utf-8"))}
    assert told == routes
