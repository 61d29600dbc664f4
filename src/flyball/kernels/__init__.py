"""Pure numerics: arrays in, arrays and frozen values out; no I/O, no frames, no framework.

Times are int64 microseconds since 1970 UTC; codes are dense integers from 0 on and negative where unknown; row indices are
int64 and -1 where there is no row; `MAX` is the time that never comes.

The join law (``join_law``)::

    known_until(key, known, *, arrival) -> Ints
    winner_timeline(entity, event, *, known, until, arrival) -> Timeline(entity, since, row)
    look_up(timeline, event, *, entity, time, ttl=None) -> Ints                    # row indices

Windows (``windows``)::

    last_boundary(time, every) -> Ints
    boundaries(entity, time) -> (Boundaries(entity, time), index)                  # distinct pairs; index per asked pair, or -1
    plan_windows(asked, entity, *, event, known, until, over) -> Windows           # once per view
    window_aggregate(windows, op, *, values, rank, valid=None) -> Numbers          # one value per boundary of `asked`
    window_count / window_sum / window_mean (windows, ...), window_pick(windows, rank, *, valid=None) -> row indices
    rank_rows(event, known, *, arrival) -> Ints                                    # the rank of op "last"

Metrics (``metrics``; each also as a function of its own name)::

    METRICS: Mapping[str, Metric]; get_metric(name) -> Metric
    Metric(name, task, greater_is_better, bounds)
        .estimate(labels, predictions, *, confidence=0.95) -> Estimate
        .difference(labels, a, *, than, confidence=0.95) -> Estimate               # a minus than, paired
        .gain(labels, a, *, than, confidence=0.95) -> Estimate                     # positive where a is better
    Estimate(value, low, high, n, standard_error, undefined: Undefined | None)
    unpaired_difference(a: Estimate, b: Estimate, *, confidence=0.95) -> Estimate
    wilson(share, n, *, confidence=0.95) -> Estimate

Histograms and their distances (``distances``; counts may be stacked, n_bins last)::

    numeric_edges(values, bins=10) -> edges;  bin_numeric(values, edges) -> counts        # len(edges) + 4: finite bins, -inf, +inf, NaN
    category_levels(codes, levels=30) -> levels;  categorical_counts(codes, levels) -> counts     # len(levels) + 2: levels, other, missing
    psi(reference, current) -> Floats;  jensen_shannon(reference, current) -> Floats      # NaN where a side has no rows
    leave_one_out(windows, distance) -> Floats                                            # a column for drift_thresholds

Sketches (``sketches``) and association (``association``), imported from there::

    Quantiles, Distinct, Frequent, Moments: .add(...), .merge(other)                      # one pass, bounded, deterministic
    pearson(x, y); correlation_ratio(codes, y); mutual_information(a, b)
    distances.wasserstein(a, weights_a, *, b, weights_b) -> float

Drift thresholds (``thresholds``; needs scipy when called)::

    alarm_probability(alarms, *, per: timedelta, window: timedelta) -> float
    drift_thresholds(distances, *, probability) -> DriftThresholds                        # distances (n_windows, n_series)
    DriftThresholds(windows, probability, location, spread, least, threshold, limit, provisional, reason)
        .standardise(distances) -> Floats; .statistic(distances) -> float | None; .is_alarm(distances) -> bool

Routing (``routing``)::

    route(keys, salt, *, shares) -> Ints;  uniform_keys(keys, salt) -> Floats
    rendezvous(keys, salt, *, weights) -> names                                           # few keys move when weights change
    bandit.best_probabilities(rewards) -> shares                                          # Thompson sampling in batches
"""

from flyball.kernels.arrays import MAX
from flyball.kernels.distances import bin_numeric, categorical_counts, category_levels, jensen_shannon, leave_one_out, numeric_edges, psi
from flyball.kernels.errors import IntegerRangeError, NotFiniteError, RangeError, ShapeError, TooFewWindowsError
from flyball.kernels.estimate import Estimate, Undefined, normal_quantile, unpaired_difference
from flyball.kernels.intervals import fold_intervals
from flyball.kernels.join_law import Timeline, known_until, look_up, winner_timeline
from flyball.kernels.metrics import METRICS, Metric, Task, get_metric
from flyball.kernels.probabilities import accuracy, brier, calibration_error, log_loss, wilson
from flyball.kernels.ranking import average_precision, paired_auc_difference, roc_auc
from flyball.kernels.regression import mae, r2, rmse
from flyball.kernels.routing import route, uniform_keys
from flyball.kernels.summation import sum_exactly
from flyball.kernels.thresholds import DriftThresholds, alarm_probability, drift_thresholds
from flyball.kernels.windows import (
    Boundaries,
    Operation,
    Windows,
    boundaries,
    last_boundary,
    plan_windows,
    rank_rows,
    window_aggregate,
    window_count,
    window_mean,
    window_pick,
    window_sum,
)

__all__ = [
    "MAX",
    "METRICS",
    "Boundaries",
    "DriftThresholds",
    "Estimate",
    "IntegerRangeError",
    "Metric",
    "NotFiniteError",
    "Operation",
    "RangeError",
    "ShapeError",
    "Task",
    "Timeline",
    "TooFewWindowsError",
    "Undefined",
    "Windows",
    "accuracy",
    "alarm_probability",
    "average_precision",
    "bin_numeric",
    "boundaries",
    "brier",
    "calibration_error",
    "categorical_counts",
    "category_levels",
    "drift_thresholds",
    "fold_intervals",
    "get_metric",
    "jensen_shannon",
    "known_until",
    "last_boundary",
    "leave_one_out",
    "log_loss",
    "look_up",
    "mae",
    "normal_quantile",
    "numeric_edges",
    "paired_auc_difference",
    "plan_windows",
    "psi",
    "r2",
    "rank_rows",
    "rmse",
    "roc_auc",
    "route",
    "sum_exactly",
    "uniform_keys",
    "unpaired_difference",
    "wilson",
    "window_aggregate",
    "window_count",
    "window_mean",
    "window_pick",
    "window_sum",
    "winner_timeline",
]
