"""``python -m flyball.app.launch PARENT MODULE ARGUMENT…``: run a module that dies with the process PARENT, however that dies.

It also answers SIGUSR1 with the stack of every thread on standard error, so that who must be killed says where it was stuck.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import runpy
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the module."""
    parent, module, *arguments = sys.argv[1:]
    if sys.platform != "linux" or ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        threading.Thread(target=_watch, args=(int(parent),), daemon=True).start()
    if os.getppid() != int(parent):  # it died before we could ask to be told
        os._exit(1)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        gc.freeze()  # the interpreter would look through all that is loaded once more, and whoever ends us waits


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main()
