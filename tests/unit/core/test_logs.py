"""Every process logs in one form: lines for people, or a JSON object per line."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from flyball.core.logs import AROUND, JSON, VARIABLE, JsonLines, LogFormatError, chosen, words


def record(message: str, *arguments: object, **more: object) -> logging.LogRecord:
    return logging.getLogger("flyball.test").makeRecord("flyball.test", logging.INFO, "test.py", 1, message, arguments, None, extra=more)


def test_a_line_is_one_object_with_what_was_given() -> None:
    line = JsonLines("predict").format(record("worker %d\nended", 3, worker=3))
    found = json.loads(line)
    assert "\n" not in line
    assert (found["level"], found["logger"], found["message"], found["process"], found["worker"]) == (
        "INFO", "flyball.test", "worker 3\nended", "predict", 3,
    )  # fmt: skip
    assert found["time"].endswith("Z")


def test_what_a_line_belongs_to_stands_in_it() -> None:
    token = AROUND.set({"trace_id": "0af7651916cd43dd8448eb211c80319c"})
    try:
        assert json.loads(JsonLines("predict").format(record("x")))["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    finally:
        AROUND.reset(token)


def test_what_is_no_form_is_refused_with_those_that_are() -> None:
    with pytest.raises(LogFormatError, match="'xml', but must be 'text' or 'json'"):
        chosen({VARIABLE: "xml"})
    assert (chosen({}), chosen({VARIABLE: "JSON"})) == ("text", JSON)


@pytest.mark.parametrize("line", ["plain", '{"no": "message"}', "{broken", "[1]"])
def test_what_is_no_line_of_ours_is_its_own_words(line: str) -> None:
    assert words(line) == line


def test_errors_that_end_a_process_are_lines_too() -> None:
    script = "from flyball.core.logs import set_up; import warnings; set_up('test'); warnings.warn('old'); raise ValueError('no')"
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ, VARIABLE: JSON}, capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(one["level"], one["process"]) for one in found] == [("WARNING", "test"), ("CRITICAL", "test")]
    assert found[1]["message"] == "ValueError: no"
    assert "Traceback" in found[1]["exception"]
    assert done.returncode == 1


@pytest.mark.parametrize("form", ["text", JSON])
def test_libraries_are_heard_when_they_warn_and_we_always(form: str) -> None:
    script = (
        "import logging; from flyball.core.logs import set_up; set_up('test'); "
        "[logging.getLogger(name).log(level, 'said') for name in ('httpx', 'flyball.app') for level in (20, 30)]"
    )
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ, VARIABLE: form}, capture_output=True, text=True, check=True)
    assert [("httpx" in line, "WARNING" in line) for line in done.stderr.splitlines()] == [(True, True), (False, False), (False, True)]
