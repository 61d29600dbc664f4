"""A stand-in for a process of `flyball up`: answers /healthz on the port it is given, and misbehaves as it is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer


class _Door(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def deaf_place() -> None:
    """Where it hangs: the name must be told."""
    while True:
        time.sleep(0.1)


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> None:
    port, *manners = sys.argv[1:]
    _say("stand-in", os.getpid())
    if "refusing" in manners:
        _say("flyball: the project is not right")
        raise SystemExit(2)
    if "with-child" in manners:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        _say("child", child.pid)
    server = HTTPServer(("127.0.0.1", int(port)), _Door)
    if "deaf" in manners:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        import threading

        threading.Thread(target=server.serve_forever, daemon=True).start()
        deaf_place()
    if "refusing-later" in manners:
        import threading

        threading.Timer(1.5, _refuse).start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


def _refuse() -> None:
    _say("flyball: the data are not right")
    os._exit(2)


if __name__ == "__main__":
    main()
