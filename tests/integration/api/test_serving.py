"""A listener: where it can be, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from flyball.app.listening import BindError, bind
from flyball.app.settings import PortTakenError

PROGRAM = """
import threading
from flyball.api.app import create_app
from flyball.api.entrance import Entrance
from flyball.api.serving import bind, serve
from flyball.core.clock import MonotonicTimer
from flyball.governance import HostGuard, OwnerToken, Sessions
from flyball.testing.controlplane import StillPlane

listener, stop = bind("127.0.0.1", 0, field="control_port"), threading.Event()
port = listener.getsockname()[1]
app = create_app(StillPlane(), Entrance(HostGuard.of("127.0.0.1", port), None, Sessions(MonotonicTimer())))
listener.listen()
print(port, flush=True)
serve(app, host="127.0.0.1", port=port, sock=listener, stop=stop)
print("ended", stop.is_set(), flush=True)
"""


def test_a_taken_port_is_named_with_the_setting_that_changes_it() -> None:
    with bind("127.0.0.1", 0, field="control_port") as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"Port {port} .* --control-port PORT"):
            bind("127.0.0.1", port, field="control_port")


def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(BindError, match=r"192\.0\.2\.1:8500"):
        bind("192.0.2.1", 8500, field="control_port")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_runs_end_and_the_program_go_on(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
        # a connection that is kept open, and a poll that waits
        with httpx.Client(base_url=url, trust_env=False) as client, ThreadPoolExecutor(1) as pool:
            client.get("/healthz")
            poll = pool.submit(httpx.get, f"{url}/api/v1/events?wait=30", timeout=90, trust_env=False)
            time.sleep(1)
            assert not poll.done()
            process.send_signal(number)
            assert process.wait(60) == 0
            assert poll.result(60).status_code == 200
        assert process.stdout.read() == "ended True\n"
