"""``python -m flyball.predict --home HOME``: the model server, in one process or in several."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from flyball.core import logs
from flyball.core.errors import FlyballError
from flyball.predict.options import parse


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    try:
        logs.set_up("predict")
        options = parse(arguments)
        if options.workers.alone:
            from flyball.predict import server

            server.run(options)
            return 0
        from flyball.predict import master

        return master.main(options, arguments)
    except FlyballError as error:
        logs.tell(error)
        return 1


if __name__ == "__main__":
    # A request is a handful of rows: handing them to other threads costs more than computing them.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
