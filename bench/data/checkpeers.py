"""What others need to check a table by a list of checks: scripts for the Pythons of `.venv-peers`, which have nothing of ours.

Each gets the Parquet file and the checks as JSON, and prints the seconds inside of the checks, its peak memory in MB, and how many
checks failed. A check is `[kind, column, ...]`.
"""

from __future__ import annotations

_HEAD = """
import json, resource, sys, time
place, checks = sys.argv[1], json.loads(sys.argv[2])
def done(begun, failed):
    seconds = time.perf_counter() - begun
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, failed]))
"""

EXPECTATIONS = (
    _HEAD
    + """
import great_expectations as gx, great_expectations.expectations as e, pandas as pd
frame = pd.read_parquet(place)
made = {
    "not-null": lambda c: e.ExpectColumnValuesToNotBeNull(column=c),
    "between": lambda c, low, high: e.ExpectColumnValuesToBeBetween(column=c, min_value=low, max_value=high),
    "in": lambda c, values: e.ExpectColumnValuesToBeInSet(column=c, value_set=values),
    "matches": lambda c, pattern: e.ExpectColumnValuesToMatchRegex(column=c, regex=pattern),
    "length": lambda c, low, high: e.ExpectColumnValueLengthsToBeBetween(column=c, min_value=low, max_value=high),
    "mean": lambda c, low, high: e.ExpectColumnMeanToBeBetween(column=c, min_value=low, max_value=high),
    "maximum": lambda c, low, high: e.ExpectColumnMaxToBeBetween(column=c, min_value=low, max_value=high),
}
context = gx.get_context(mode="ephemeral")
if hasattr(context, "variables") and hasattr(context.variables, "progress_bars"):
    context.variables.progress_bars = {"globally": False}
batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
suite = context.suites.add(gx.ExpectationSuite(name="s", expectations=[made[kind](*rest) for kind, *rest in checks]))
validation = context.validation_definitions.add(gx.ValidationDefinition(name="v", data=batch, suite=suite))
begun = time.perf_counter()
result = validation.run(batch_parameters={"dataframe": frame}, result_format="BASIC")
done(begun, sum(not one.success for one in result.results))
"""
)

_SCHEMA = """
made = {
    "not-null": lambda: None,
    "between": lambda low, high: pa.Check.in_range(low, high),
    "in": lambda values: pa.Check.isin(values),
    "matches": lambda pattern: pa.Check.str_matches(pattern),
    "length": lambda low, high: pa.Check.str_length(low, high),
    "mean": lambda low, high: pa.Check(mean(low, high)),
    "maximum": lambda low, high: pa.Check(maximum(low, high)),
}
columns = {}
for kind, column, *rest in checks:
    columns.setdefault(column, {"nullable": True, "checks": []})
    if kind == "not-null":
        columns[column]["nullable"] = False
    else:
        columns[column]["checks"].append(made[kind](*rest))
schema = pa.DataFrameSchema({name: pa.Column(None, **facts) for name, facts in columns.items()})
begun = time.perf_counter()
try:
    schema.validate(frame, lazy=True)
    failed = 0
except pa.errors.SchemaErrors as error:
    failed = len(set(map(str, error.failure_cases["check"])))
done(begun, failed)
"""

PANDERA_POLARS = (
    _HEAD
    + """
import os
os.environ["PANDERA_VALIDATION_DEPTH"] = "SCHEMA_AND_DATA"
import pandera.polars as pa, polars as pl
frame = pl.read_parquet(place)
def mean(low, high):
    return lambda data: data.lazyframe.select(pl.col(data.key).mean().is_between(low, high))
def maximum(low, high):
    return lambda data: data.lazyframe.select(pl.col(data.key).max().is_between(low, high))
"""
    + _SCHEMA
)

PANDERA_PANDAS = (
    _HEAD
    + """
import pandera.pandas as pa, pandas as pd
frame = pd.read_parquet(place)
def mean(low, high):
    return lambda values: low <= values.mean() <= high
def maximum(low, high):
    return lambda values: low <= values.max() <= high
"""
    + _SCHEMA
)
