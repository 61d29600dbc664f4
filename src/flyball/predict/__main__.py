"""``python -m flyball.predict --home HOME``: the model server, in one process or in several."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from flyball.core.errors import FlyballError
from flyball.predict.options import parse


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        options = parse(arguments)
        if options.workers.alone:
            from flyball.predict import server

            server.run(options)
            return 0
        from flyball.predict import master

        return master.main(options, arguments)
    except FlyballError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    # A request is a handful of rows: handing them to other threads costs more than computing them.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
