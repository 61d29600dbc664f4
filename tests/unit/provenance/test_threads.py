"""Modules may be read by several threads at once."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flyball.provenance.modules import _read


def look_away(phase: str, info: dict[str, int]) -> None:
    """Python code within a collection, so that threads change while a tree is being made."""
    del info
    sum(range(len(phase)))


def test_many_threads_read_modules_at_once(tmp_path: Path) -> None:
    source = "value = [" + ", ".join(f"(lambda x: {{x: [x + {n}]}})({n})" for n in range(300)) + "]\n"
    files = [tmp_path / f"m{number}.py" for number in range(8)]
    for file in files:
        file.write_text(source, encoding="utf-8")
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    gc.callbacks.append(look_away)
    with ThreadPoolExecutor(4) as pool:
        sys.setswitchinterval(1e-6)
        gc.set_threshold(20)
        try:
            found = list(pool.map(lambda file: _read(file, file.stem), files))
        finally:
            sys.setswitchinterval(interval)
            gc.set_threshold(*threshold)
            gc.callbacks.remove(look_away)
    assert len({digest for digest, _ in found}) == 1
