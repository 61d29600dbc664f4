"""The child process of `ProcessExecutor`: reads one call per line, answers one line, and dies with its parent.

Started as ``python -m flyball.pipelines.child REQUESTS ANSWERS``, two inherited descriptors. Standard output and error are the
log. When the parent is gone, however it went, the pipe of requests ends and the child kills its whole process group, so that
what user code has started goes too.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
from typing import Any, TextIO

from flyball.pipelines.errors import StepFailedError
from flyball.pipelines.executor import Work, call, failure


def _listen(requests: int, lines: queue.SimpleQueue[str]) -> None:
    # A thread of its own notices the parent's end also while a step runs.
    with os.fdopen(requests, encoding="utf-8") as stream:
        for line in stream:
            lines.put(line)
    os.killpg(0, signal.SIGKILL)


def _flush() -> None:
    # What was printed is kept where there is room; it must not decide how a step ends.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _switch_log(path: str) -> None:
    _flush()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _answer(line: str) -> dict[str, Any]:
    work = Work(**json.loads(line))
    try:
        _switch_log(work.log)
        return {"summary": call(work)}
    except StepFailedError as error:
        return _failed(error)
    except OSError as error:
        return _failed(failure(work.step, error))
    finally:
        _flush()


def _failed(error: StepFailedError) -> dict[str, Any]:
    return {"failed": {"reason": error.reason, "kind": error.kind, "detail": error.detail}}


def _serve(lines: queue.SimpleQueue[str], answers: TextIO) -> None:
    while True:
        answer = _answer(lines.get())
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    """Serve until the parent is gone."""
    requests, answers = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(requests, False)
    os.set_inheritable(answers, False)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, lines), daemon=True).start()
    _serve(lines, os.fdopen(answers, "w", encoding="utf-8"))


if __name__ == "__main__":
    main()
