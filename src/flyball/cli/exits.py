"""Exit codes, and the one place where an error becomes a sentence on standard error.

0 done · 1 any other error · 2 the input is wrong · 3 somebody else owns it · 4 not found · 5 a part outside failed ·
6 what is stored is damaged · 7 the state forbids it now · 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flyball.core.errors import ConflictError, FlyballError, HeldError, IntegrityError, InvalidError, NotFoundError, UnavailableError

_CODES: tuple[tuple[type[FlyballError], int], ...] = (
    (InvalidError, 2),
    (HeldError, 3),
    (NotFoundError, 4),
    (UnavailableError, 5),
    (IntegrityError, 6),
    (ConflictError, 7),
)


def exit_code(error: FlyballError) -> int:
    """The process's exit code for an error of this class."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), 1)


@contextmanager
def told() -> Iterator[None]:
    """Inside the block a `FlyballError` ends the process with its sentence and its code; Ctrl-C ends it with 130."""
    try:
        yield
    except FlyballError as error:
        sys.stderr.write(f"flyball: {error}\n")
        raise SystemExit(exit_code(error)) from error
    except KeyboardInterrupt:
        sys.stderr.write("flyball: interrupted. What was finished is kept; run the command again to continue.\n")
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader (`| head`) has left; the interpreter must not complain about it while it flushes.
        sys.stderr.close()
        raise SystemExit(0) from None
