"""``python -m flyball.predict --home HOME``: the model server."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # A request is a handful of rows: handing them to other threads costs more than computing them.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from flyball.predict.server import main

    sys.exit(main(sys.argv[1:]))
