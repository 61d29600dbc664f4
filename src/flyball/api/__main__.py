"""``python -m flyball.api --home HOME``: the control plane, as a process."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from flyball.api.process import main

    sys.exit(main(sys.argv[1:]))
