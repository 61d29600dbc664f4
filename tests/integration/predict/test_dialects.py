"""KServe's first protocol, MLflow's scoring protocol and Arrow: the same rows have the same answers, whatever brings them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]  # it ships no types

from flyball.testing.model_server import Answer, ServerProcess
from flyball.testing.serving_home import ServingHome, trip
from tests.integration.predict.test_byhand import laid_out
from tests.loggedmodels import array_signature, logged_pickle, visits

ARROW = "application/vnd.apache.arrow.stream"
ROWS = [trip(number) for number in range(20)]
NAMES = list(ROWS[0])
GUESTS = visits().drop("vip")
PLANS = RandomForestClassifier(20, random_state=0).fit(GUESTS.select("age", "visits").to_numpy().astype(float), GUESTS["plan"].to_numpy())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = ServingHome.trips(tmp_path_factory.mktemp("serving"))
    home.add_linear(1)
    home.keep(home.plan(1))
    with ServerProcess(home.path, "--bulk-rows", "4000") as running:
        yield running


@pytest.fixture(scope="module")
def own(server: ServerProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.predict(*ROWS).json["predictions"]
    return found


def post(server: ServerProcess, path: str, *, body: Any, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.request("POST", path, body=data, headers={name.replace("_", "-"): value for name, value in headers.items()})


def matrix() -> list[list[Any]]:
    return [list(row.values()) for row in ROWS]


def frame() -> pl.DataFrame:
    return pl.DataFrame(ROWS).with_columns(pl.col("leaves_at").str.to_datetime(time_zone="UTC"))


def stream(rows: pl.DataFrame, **how: Any) -> bytes:
    out = io.BytesIO()
    rows.write_ipc_stream(out, **how)
    return out.getvalue()


def csv_of(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join([",".join(NAMES), *(",".join("" if row[name] is None else str(row[name]) for name in NAMES) for row in rows)]).encode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/late:predict", {"instances": ROWS}),
        ("/v1/models/late:predict", {"instances": matrix()}),
        ("/v1/models/late:predict", {"inputs": {name: [row[name] for row in ROWS] for name in NAMES}}),
        ("/invocations", {"dataframe_split": {"columns": NAMES, "data": matrix(), "index": list(range(20))}}),
        ("/invocations", {"dataframe_records": ROWS, "params": {}}),
        ("/invocations", {"instances": ROWS}),
        ("/invocations", {"inputs": {name: [[row[name]] for row in ROWS] for name in NAMES}}),
        ("/invocations", {"inputs": ROWS}),
        ("/endpoints/late/invocations", {"dataframe_records": ROWS}),
    ],
    ids=["v1 objects", "v1 lists", "v1 columns", "split", "records", "instances", "inputs", "inputs as rows", "named"],
)
def test_rows_of_other_protocols_have_the_predictions_of_our_own(
    server: ServerProcess, own: list[dict[str, Any]], path: str, body: Any
) -> None:
    answer = post(server, path, body=body)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json"), answer.body
    assert answer.json == {"predictions": [one["prediction"] for one in own]}


def test_a_table_in_text_has_the_same_predictions(server: ServerProcess, own: list[dict[str, Any]]) -> None:
    answer = post(server, "/invocations", body=csv_of(ROWS), Content_Type="text/csv; charset=utf-8")
    assert answer.json == {"predictions": [one["prediction"] for one in own]}
    assert post(server, "/invocations", body=csv_of([trip(1, distance=None)]), Content_Type="text/csv").status == 200


def test_an_arrow_stream_is_answered_in_kind(server: ServerProcess, own: list[dict[str, Any]]) -> None:
    answer = post(server, "/predict/late", body=stream(frame()), Content_Type=ARROW)
    assert (answer.status, answer.headers["content-type"]) == (200, ARROW), answer.body
    found = pl.read_ipc_stream(io.BytesIO(answer.body))
    assert found.columns == ["key", "id", "prediction", "score", "version", "route"]
    assert found.drop("id").rows() == [tuple(one[name] for name in found.columns if name != "id") for one in own]
    oldest = post(server, "/predict/late", body=stream(frame(), compat_level=pl.CompatLevel.oldest()), Content_Type=ARROW, Accept="*/*")
    assert oldest.headers["content-type"] == ARROW
    json_back = post(server, "/predict/late", body=stream(frame()), Content_Type=ARROW, Accept="application/json")
    assert [one["score"] for one in json_back.json["predictions"]] == [one["score"] for one in own]
    arrow_back = post(server, "/predict/late", body={"rows": [{**ROWS[0], "line": "new"}]}, Accept=ARROW)
    assert pl.read_ipc_stream(io.BytesIO(arrow_back.body))["warnings"].to_list() == [["the model has never seen trips.line 'new'"]]


def test_many_rows_in_arrow_are_answered_and_logged_as_a_few_are(server: ServerProcess) -> None:
    rows = pl.concat([frame()] * 200).with_row_index("n").with_columns(pl.format("bulk-{}", "n").alias("trip_id")).drop("n")
    in_kind, in_json = (
        post(server, "/predict/late", body=stream(rows), Content_Type=ARROW, Accept=accept, Accept_Encoding="gzip")
        for accept in ("*/*", "application/json")
    )
    found = pl.read_ipc_stream(gzip.decompress(in_kind.body))
    assert found["key"].to_list() == rows["trip_id"].to_list()
    assert [one["score"] for one in json.loads(gzip.decompress(in_json.body))["predictions"]] == found["score"].to_list()
    ids = found["id"].to_list()
    records = [record for record in server.journal() if record.ids[0] in set(ids)]
    assert [name for record in records for name in record.ids] == ids
    assert max(len(record.ids) for record in records) <= 1000
    wrong = rows.with_columns(distance=pl.when(pl.col("trip_id") == "bulk-3210").then(float("nan")).otherwise("distance"))
    refused = post(server, "/predict/late", body=stream(wrong), Content_Type=ARROW)
    assert (refused.status, refused.json["error"]["row"], refused.json["error"]["field"]) == (422, 3210, "distance")


WRONG: list[tuple[str, str, Any, Mapping[str, str], int, str]] = [
    ("no rows", "/v1/models/late:predict", {}, {}, 422, "there are no 'instances'"),
    ("no list", "/v1/models/late:predict", {"instances": 5}, {}, 422, "a single value where a list belongs"),
    ("empty", "/v1/models/late:predict", {"instances": []}, {}, 422, "no row"),
    ("mixed", "/v1/models/late:predict", {"instances": [matrix()[0], 5]}, {}, 422, "row 1 is a single value"),
    ("ragged", "/v1/models/late:predict", {"instances": [matrix()[0], [1]]}, {}, 422, "row 1 has 1 values for 5 columns"),
    ("field", "/v1/models/late:predict", {"instances": [{**ROWS[0], "lin": 1}]}, {}, 422, "Did you mean 'line'?"),
    ("list", "/v1/models/late:predict", b"[]", {}, 422, "no object"),
    ("no JSON", "/v1/models/late:predict", b"{", {}, 400, "not JSON"),
    ("endpoint", "/v1/models/lat:predict", {"instances": ROWS}, {}, 404, "Did you mean 'late'?"),
    ("many", "/v1/models/late:predict", {"instances": [1] * 1001}, {}, 422, "has 1 values for 5 columns"),
    ("many rows", "/v1/models/late:predict", {"instances": matrix() * 51}, {}, 413, "1,020 rows"),
    ("none", "/invocations", {"rows": ROWS}, {}, 422, "none of them"),
    ("two", "/invocations", {"instances": ROWS, "inputs": ROWS}, {}, 422, "instances and inputs"),
    ("params", "/invocations", {"instances": ROWS, "params": {"a": 1}}, {}, 422, "'params'"),
    ("split", "/invocations", {"dataframe_split": {"data": []}}, {}, 422, "dataframe_split is none"),
    ("twice", "/invocations", {"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}, {}, 422, "'a' is there twice"),
    ("text", "/invocations", {"inputs": {"line": "L1"}}, {}, 422, "column 'line' is a single value"),
    ("kind", "/invocations", b"{}", {"Content-Type": "text/plain"}, 415, "text/csv"),
    ("csv quote", "/invocations", b'trip_id,line\n"a,b', {"Content-Type": "text/csv"}, 422, "cannot be read as CSV"),
    ("csv bytes", "/invocations", b"trip_id\n\xff", {"Content-Type": "text/csv"}, 422, "byte 8 is not UTF-8"),
    ("csv width", "/invocations", b"trip_id,line\na", {"Content-Type": "text/csv"}, 422, "row 0 has 1 values for 2 columns"),
    ("csv type", "/invocations", csv_of([trip(1, distance="far")]), {"Content-Type": "text/csv"}, 422, "the text 'far'; send a number"),
    ("csv nan", "/invocations", csv_of([trip(1, distance="nan")]), {"Content-Type": "text/csv"}, 422, "it is nan"),
    ("csv nothing", "/invocations", b"", {"Content-Type": "text/csv"}, 422, "no row"),
    ("csv many", "/invocations", csv_of(ROWS * 51), {"Content-Type": "text/csv"}, 413, "1,001 rows"),
    ("arrow none", "/predict/late", b"", {"Content-Type": ARROW}, 422, "no message"),
    ("arrow text", "/predict/late", b"no arrow at all", {"Content-Type": ARROW}, 422, "does not begin"),
    ("arrow cut", "/predict/late", stream(frame())[:-200], {"Content-Type": ARROW}, 422, "it ends within"),
    ("arrow packed", "/predict/late", stream(frame(), compression="zstd"), {"Content-Type": ARROW}, 422, "compressed"),
    ("arrow many", "/predict/late", stream(pl.concat([frame()] * 201)), {"Content-Type": ARROW}, 413, "one may have 4,000"),
    ("arrow name", "/predict/late", stream(frame().rename({"line": "lin"})), {"Content-Type": ARROW}, 422, "Did you mean 'line'?"),
    ("arrow type", "/predict/late", stream(frame().with_columns(distance=pl.lit("a"))), {"Content-Type": ARROW}, 422, "send a number"),
    ("arrow nested", "/predict/late", stream(frame().with_columns(distance=pl.lit([1.0]))), {"Content-Type": ARROW}, 422, "it is a list"),
]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "words"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)  # fmt: skip
def test_what_is_wrong_is_told_in_the_words_of_the_protocol(
    server: ServerProcess, path: str, body: Any, headers: Mapping[str, str], status: int, words: str
) -> None:
    answer = post(server, path, body=body, **headers)
    assert answer.status == status, answer.body
    told = answer.json
    sentence = told["message"] if path == "/invocations" else told["error"]["message"] if path.startswith("/predict") else told["error"]
    assert words in sentence
    if path == "/invocations":
        assert told["error_code"] == "BAD_REQUEST"


def test_probes_and_lists_of_each_protocol(server: ServerProcess) -> None:
    nobody = {"Authorization": ""}
    assert server.request("GET", "/", headers=nobody).json == {"status": "alive"}
    assert server.request("GET", "/ping", headers=nobody).status == 200
    assert server.request("GET", "/health", headers=nobody).status == 200
    assert server.request("GET", "/v1/models").json == {"models": ["late"]}
    assert server.request("GET", "/v1/models/late").json == {"name": "late", "ready": True}
    assert server.request("GET", "/version").body
    assert server.request("GET", "/v1/models/none").json["error"].startswith("There is no endpoint 'none'")


def test_of_several_endpoints_one_must_be_named(tmp_path: Path) -> None:
    models = {"plans": logged_pickle(PLANS, array_signature(2)), "more": logged_pickle(PLANS, array_signature(2))}
    with ServerProcess(tmp_path, "--plan", str(laid_out(tmp_path, models))) as server:
        rows = GUESTS.head(5).select(pl.col("age", "visits").cast(pl.Float64)).rows()
        answer = post(server, "/invocations", body={"instances": rows})
        assert answer.status == 422
        assert "more, plans" in answer.json["message"]
        own = PLANS.predict(rows).tolist()
        assert post(server, "/endpoints/plans/invocations", body={"inputs": rows}).json == {"predictions": own}
        tensor = {"name": "x", "shape": [5, 2], "datatype": "FP32", "data": rows}
        told = post(server, "/v2/models/plans/infer", body={"inputs": [tensor]}).json
        found = {one["name"]: one for one in told["outputs"]}
        assert (found["prediction"]["datatype"], found["prediction"]["data"]) == ("BYTES", own)
        assert found["probabilities"]["shape"] == [5, 3]
        assert json.loads(found["probabilities"]["parameters"]["labels"]) == ["basic", "full", "trial"]
        specs = {one["name"]: one for one in server.request("GET", "/v2/models/plans").json["outputs"]}
        assert specs["probabilities"]["shape"] == [-1, 3]
        assert {name: one["datatype"] for name, one in found.items()} == {name: one["datatype"] for name, one in specs.items()}
        check_a_million_columns(server)
        arrow = post(server, "/predict/plans", body=stream(pl.DataFrame(rows, schema=["0", "1"], orient="row")), Content_Type=ARROW)
        assert pl.read_ipc_stream(io.BytesIO(arrow.body))["probability.trial"].len() == 5


def check_a_million_columns(server: ServerProcess) -> None:
    """Refused by name and number, and soon, by a model that takes whatever comes and by one that does not."""
    many = [0] * 1_000_000
    names = ",".join(f"c{place}" for place in range(len(many)))
    bodies: list[tuple[str, Any, dict[str, str]]] = [
        ("/endpoints/plans/invocations", {"instances": [many]}, {}),
        ("/endpoints/plans/invocations", {"dataframe_split": {"columns": ["a"] * len(many), "data": [many]}}, {}),
        ("/endpoints/plans/invocations", f"{names}\n".encode(), {"Content-Type": "text/csv"}),
        ("/v2/models/plans/infer", {"inputs": [{"name": "x", "shape": [1, len(many)], "datatype": "INT8", "data": many}]}, {}),
        ("/predict/plans", b'{"rows":[{' + b",".join(b'"%d":1' % place for place in range(800_000)) + b"}]}", {}),
    ]
    for path, body, headers in bodies:
        answer = post(server, path, body=body, **headers)
        assert answer.status in {413, 422}, answer.body[:200]
        assert len(answer.body) < 2000
