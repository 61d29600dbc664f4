"""Will this flight arrive more than 15 minutes late?"""

import polars as pl

import flyball as fb

flights = fb.Dataset("flights", fb.files("data/flights"), key="flight_id", event_time="departs_at", known_before="24h")
landings = fb.Dataset("landings", fb.files("data/landings"), key="flight_id", event_time="landed_at", known_after="10m")
weather = fb.Dataset("weather", fb.files("data/weather"), key=["origin", "observed_at"], event_time="observed_at", known_after="5m")
landed_flights = landings.join(flights, on="flight_id")


@fb.view(weather, entity="origin", ttl="3h")  # row-wise: select, filter, with_columns
def sky(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The last weather seen at the airport."""
    return rows.select("temp", "wind_speed", "visib", "precip")


punctuality = fb.window_view(  # of the airline over the last week
    landed_flights, entity="carrier", over="7d", every="1h",
    late=fb.mean(pl.col("arr_delay") > 15), landed=fb.count(),
)  # fmt: skip
congestion = fb.window_view(  # of the departure airport: what landed in the last three hours started there
    landed_flights, entity="origin", over="3h", every="1h",
    late=fb.mean(pl.col("arr_delay") > 15),
)  # fmt: skip
arrivals = fb.window_view(  # at the destination over the last day
    landed_flights, entity="dest", over="24h", every="1h",
    late=fb.mean(pl.col("arr_delay") > 15),
)  # fmt: skip


@fb.on_demand  # arguments bind to request columns (or looked-up features) by name
def calendar(departs_at: pl.Expr) -> dict[str, pl.Expr]:
    """The scheduled departure on New York's clock."""
    local = departs_at.dt.convert_time_zone("America/New_York")
    return {"hour": local.dt.hour(), "minute": local.dt.minute(), "weekday": local.dt.weekday()}


late = fb.Model(
    "late-arrival",
    rows=flights, lead="1h",  # predicted one hour before departure
    label=fb.label(landings, pl.col("arr_delay") > 15, timeout="3d"),
    features=[
        flights["carrier", "origin", "dest", "distance", "scheduled_minutes"],
        sky, punctuality, congestion, arrivals, calendar,
    ],
    train=fb.search(metric="roc_auc", trials=8, seed=0),  # or any function(TrainingSet) -> fitted model
    history="59d",  # the first training waits for so much
    gates=[fb.at_least("roc_auc", 0.58), fb.beats_champion(), fb.max_slice_gap("carrier", 0.15)],
    rollout=fb.canary([0.05, 0.25, 1.0], hold="1d"),
    monitors=[fb.drift(false_alarms="1 per 90d"), fb.performance(), fb.quality(), fb.resources()],
    retrain=[fb.on_drift(), fb.on_performance_drop(0.02), fb.every("90d")],
    cool_down="21d",  # the hold-out and a window: sooner, a successor is judged on days before its predecessor's release
)  # fmt: skip
project = fb.Project("flights", models=[late])
