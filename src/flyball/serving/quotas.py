"""How many rows an endpoint scores: what a user declares, and what a server is told of it."""

from __future__ import annotations

import math

import msgspec

from flyball.serving.errors import QuotaSpecError


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """What `quota` was told; None is without a limit."""

    rows_per_second: float | None = None
    caller_rows_per_second: float | None = None
    alarm_rows_per_day: int | None = None


def quota(
    *, rows_per_second: float | None = None, caller_rows_per_second: float | None = None, alarm_rows_per_day: int | None = None
) -> Quota:
    """How many rows the model's endpoint scores a second in the long run: in all, and for each caller.

    A second's worth may come at once. Whoever asks for more is refused (429) until there is room again; what one request took too much is
    waited for afterwards. Of a caller who was answered more rows than `alarm_rows_per_day` within 24 hours an alert tells: so many answers
    may be enough to copy the model.

    >>> quota(rows_per_second=5000, caller_rows_per_second=500).caller_rows_per_second
    500

    Raises:
        QuotaSpecError: a number that is no limit, or more for one caller than for all.
    """
    given = {
        "rows_per_second": rows_per_second, "caller_rows_per_second": caller_rows_per_second, "alarm_rows_per_day": alarm_rows_per_day,
    }  # fmt: skip
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not 0 < value < math.inf):
            raise QuotaSpecError(f"`{name}` is a number greater than 0, not {value!r}")
    if rows_per_second is not None and caller_rows_per_second is not None and caller_rows_per_second > rows_per_second:
        raise QuotaSpecError("`caller_rows_per_second` is more than `rows_per_second`, which all callers share")
    return Quota(
        rows_per_second=rows_per_second, caller_rows_per_second=caller_rows_per_second, alarm_rows_per_day=alarm_rows_per_day
    )  # fmt: skip
