"""`flyball serve` as a person starts it, for tests: a real process on a free port."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flyball.testing.model_server import Answer
from tests.live import COMMAND, wait_for


@dataclass
class Served:
    """A running `flyball serve`."""

    home: Path
    process: subprocess.Popen[bytes]
    output: Path
    port: int = 0

    @classmethod
    def start(cls, home: Path, *arguments: str, environment: Mapping[str, str] | None = None, python: Path | None = None) -> Self:
        """Start it, and return when it answers; `python` is another than this one, which has ours as well."""
        output = home.parent / f"{home.name}.serve.log"
        place = home / "run" / "predict.json"
        place.unlink(missing_ok=True)
        with output.open("wb") as log:
            process = subprocess.Popen(
                [str(python or COMMAND[0]), *COMMAND[1:], "serve", *arguments, "--home", str(home), "--port", "0"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            )  # fmt: skip
        made = cls(home, process, output)
        wait_for(lambda: place.exists() or process.poll() is not None, 200, told="a listening model server")
        assert process.poll() is None, made.told()
        made.port = json.loads(place.read_text())["port"]
        return made

    def ask(self, endpoint: str, rows: Sequence[Mapping[str, Any]]) -> Answer:
        """One request as the owner."""
        token = (self.home / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", f"/predict/{endpoint}", body=json.dumps({"rows": rows}), headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def predict(self, endpoint: str, rows: Sequence[Mapping[str, Any]]) -> Any:
        """The answer, which must be one."""
        answer = self.ask(endpoint, rows)
        assert answer.status == 200, answer.body
        return answer.json

    def told(self) -> str:
        """All that it has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def end(self) -> int:
        """Tell it to end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()
