"""The Open Inference Protocol over HTTP: what it says of models, tensors in JSON and as bytes, and what is refused."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from flyball.testing.model_server import Answer, ServerProcess
from flyball.testing.serving_home import ServingHome, trip

MICROS = 1_772_323_200_000_000  # 2026-03-01
INFER = "/v2/models/late/infer"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = ServingHome.trips(tmp_path_factory.mktemp("serving"))
    home.add_linear(1, intercept=-1.0)
    home.add_linear(2, intercept=1.0)
    home.keep(home.plan(1, 2, share=0.25))
    with ServerProcess(home.path) as running:
        yield running


def tensor(name: str, datatype: str, *, data: Sequence[Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data, **more}


def columns(count: int = 3) -> list[dict[str, Any]]:
    rows = [trip(number) for number in range(count)]
    return [
        tensor("trip_id", "BYTES", data=[row["trip_id"] for row in rows]),
        tensor("line", "BYTES", data=[row["line"] for row in rows]),
        tensor("station", "BYTES", data=[row["station"] for row in rows]),
        tensor("distance", "FP64", data=[row["distance"] for row in rows]),
        tensor("leaves_at", "BYTES", data=[row["leaves_at"] for row in rows]),
    ]


def with_one(**changes: Any) -> list[dict[str, Any]]:
    """The columns of three rows, `distance` changed."""
    return [{**given, **changes} if given["name"] == "distance" else given for given in columns()]


def infer(server: ServerProcess, inputs: Any, *, path: str = INFER, **more: Any) -> Answer:
    return server.request("POST", path, body=json.dumps({"inputs": inputs, **more}).encode())


def outputs(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return {found["name"]: found for found in answer.json["outputs"]}


def raw(inputs: Sequence[Mapping[str, Any]], parts: Sequence[bytes], **more: Any) -> tuple[bytes, dict[str, str]]:
    """A request whose inputs are all binary."""
    said = [
        {name: value for name, value in given.items() if name != "data"} | {"parameters": {"binary_data_size": len(part)}}
        for given, part in zip(inputs, parts, strict=True)
    ]
    head = json.dumps({"inputs": said, **more}).encode()
    return head + b"".join(parts), {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}


def texts(values: Sequence[str]) -> bytes:
    return b"".join(struct.pack("<I", len(value.encode())) + value.encode() for value in values)


def binary(count: int = 3, **more: Any) -> tuple[bytes, dict[str, str]]:
    given = columns(count)
    parts = [np.array(one["data"], "<f8").tobytes() if one["datatype"] == "FP64" else texts(one["data"]) for one in given]
    return raw(given, parts, **more)


def test_the_server_says_that_it_lives_and_what_it_is(server: ServerProcess) -> None:
    for path, found in (("/v2/health/live", {"live": True}), ("/v2/health/ready", {"live": True, "ready": True})):
        answer = server.request("GET", path, headers={"Authorization": ""})
        assert (answer.status, answer.json, answer.headers["content-type"]) == (200, found, "application/json")
    told = server.request("GET", "/v2").json
    assert told["name"] == "flyball"
    assert "binary_tensor_data" in told["extensions"]


def test_metadata_have_the_real_inputs_and_outputs(server: ServerProcess) -> None:
    told = server.request("GET", "/v2/models/late").json
    assert (told["name"], told["versions"], told["platform"]) == ("late", ["1", "2"], "flyball_linear")
    assert told["parameters"] == {"process": "server"}
    assert {(one["name"], one["datatype"]) for one in told["inputs"]} == {
        ("trip_id", "BYTES"), ("line", "BYTES"), ("station", "BYTES"), ("distance", "FP64"), ("leaves_at", "INT64"),
    }  # fmt: skip
    assert [(one["name"], one["datatype"], one["shape"]) for one in told["outputs"]] == [
        ("prediction", "BOOL", [-1]),
        ("score", "FP64", [-1]),
    ]
    assert server.request("GET", "/v2/models/late/versions/2").json["versions"] == ["2"]
    vector = server.request("GET", "/v2/models/late.vector").json["inputs"]
    assert {"name": "sky.temperature", "datatype": "FP64", "shape": [-1]} in vector
    assert server.request("GET", "/v2/models/late/ready").json == {"name": "late", "ready": True}
    assert server.request("GET", "/v2/models/late/versions/1/ready").status == 200
    assert server.request("GET", "/v2/models").json == {"models": ["late"]}


def test_configuration_and_statistics_are_told(server: ServerProcess) -> None:
    assert infer(server, columns(), path="/v2/models/late/versions/1/infer").status == 200
    told = server.request("GET", "/v2/models/late/config").json
    assert {"name": "trip_id", "data_type": "TYPE_STRING", "dims": [-1]} in told["input"]
    (found,) = server.request("GET", "/v2/models/late/versions/1/stats").json["model_stats"]
    assert (found["name"], found["version"]) == ("late", "1")
    assert found["inference_count"] >= 3
    assert 1 <= found["execution_count"] <= found["inference_count"]
    spent = found["inference_stats"]
    assert spent["success"]["ns"] >= spent["queue"]["ns"] > 0
    stages = [spent[f"compute_{stage}"] for stage in ("input", "infer", "output")]
    (calls,) = {stage["count"] for stage in stages}
    assert 0 < calls <= found["execution_count"]
    assert all(stage["ns"] > 0 for stage in stages)
    assert stages[0]["ns"] + stages[1]["ns"] <= spent["success"]["ns"]
    assert {one["version"] for one in server.request("GET", "/v2/models/stats").json["model_stats"]} == {"1", "2"}


def test_columns_in_json_are_answered_as_rows_are(server: ServerProcess) -> None:
    own = server.predict(*(trip(number) for number in range(40))).json["predictions"]
    answer = infer(server, columns(40), id="mine")
    assert answer.headers["content-type"] == "application/json"
    assert (answer.json["model_name"], answer.json["id"], answer.json["parameters"]) == ("late", "mine", {"route": "mixed"})
    found = outputs(answer)
    assert list(found) == ["prediction", "score"]
    assert found["score"] == {"name": "score", "datatype": "FP64", "shape": [40], "data": [one["score"] for one in own]}
    assert found["prediction"]["data"] == [one["prediction"] for one in own]
    assert found["prediction"]["datatype"] == "BOOL"


def test_a_version_is_asked_by_its_number(server: ServerProcess) -> None:
    for number in (1, 2):
        answer = infer(server, columns(), path=f"/v2/models/late/versions/{number}/infer")
        assert (answer.json["model_version"], answer.json["parameters"]) == (str(number), {"version": number, "route": "pinned"})
    scores = [outputs(infer(server, columns(), path=f"/v2/models/late/versions/{number}/infer"))["score"]["data"] for number in (1, 2)]
    assert all(first < second for first, second in zip(*scores, strict=True))


def test_outputs_are_those_that_are_wanted(server: ServerProcess) -> None:
    wanted = [{"name": name} for name in ("route", "id", "version", "score")]
    found = outputs(infer(server, columns(), path="/v2/models/late/versions/2/infer", outputs=wanted))
    assert list(found) == ["route", "id", "version", "score"]
    assert (found["route"]["data"], found["version"]["data"]) == (["pinned"] * 3, [2] * 3)
    assert (found["route"]["datatype"], found["version"]["datatype"], found["id"]["datatype"]) == ("BYTES", "INT64", "BYTES")
    logged = {name for record in server.journal() for name in record.ids}
    assert logged.issuperset(found["id"]["data"])


@pytest.mark.parametrize(
    "changes",
    [
        {"data": [[0.0], [1.0], [2.0]], "shape": [3, 1]},
        {"shape": [3, 1]},
        {"datatype": "INT64", "data": [0, 1, 2]},
        {"datatype": "FP32"}, {"datatype": "FP16"}, {"datatype": "BF16"},
        {"datatype": "UINT8", "data": [0, 1, 2]}, {"datatype": "UINT64", "data": [0, 1, 2]},
    ],
    ids=["nested", "matrix of one", "INT64", "FP32", "FP16", "BF16", "UINT8", "UINT64"],
)  # fmt: skip
def test_the_same_numbers_in_any_form_have_the_same_answer(server: ServerProcess, changes: dict[str, Any]) -> None:
    path = "/v2/models/late/versions/1/infer"
    assert outputs(infer(server, with_one(**changes), path=path)) == outputs(infer(server, columns(), path=path))


def test_times_are_microseconds_or_texts(server: ServerProcess) -> None:
    path = "/v2/models/late/versions/1/infer"
    given = [one for one in columns() if one["name"] != "leaves_at"]
    times = [int(np.datetime64(row["leaves_at"][:-1], "us").astype(int)) for row in map(trip, range(3))]
    assert outputs(infer(server, [*given, tensor("leaves_at", "INT64", data=times)], path=path)) == outputs(
        infer(server, columns(), path=path)
    )


def test_what_is_not_known_is_null_or_nan_where_that_is_said(server: ServerProcess) -> None:
    path = "/v2/models/late/versions/1/infer"
    null = outputs(infer(server, with_one(data=[None, 1.0, 2.0]), path=path))
    given = columns()
    parts = [np.array([np.nan, 1, 2]).tobytes() if one["datatype"] == "FP64" else texts(one["data"]) for one in given]
    body, headers = raw(given, parts)
    refused = server.request("POST", path, body=body, headers=headers)
    assert refused.status == 422
    assert "Row 0, field 'distance': it is nan" in refused.json["error"]
    body, headers = raw(given, parts, parameters={"nan_is_null": True})
    assert outputs(server.request("POST", path, body=body, headers=headers)) == null


def test_binary_tensors_go_both_ways(server: ServerProcess) -> None:
    path = "/v2/models/late/versions/1/infer"
    own = outputs(infer(server, columns(40), path=path))
    body, headers = binary(40)
    assert outputs(server.request("POST", path, body=body, headers=headers)) == own
    body, headers = binary(40, parameters={"binary_data_output": True}, id="b")
    answer = server.request("POST", path, body=body, headers=headers)
    size = int(answer.headers["inference-header-content-length"])
    assert answer.headers["content-type"] == "application/octet-stream"
    head, rest = json.loads(answer.body[:size]), answer.body[size:]
    assert [(one["name"], one["parameters"]["binary_data_size"]) for one in head["outputs"]] == [("prediction", 40), ("score", 320)]
    assert np.frombuffer(rest[:40], "?").tolist() == own["prediction"]["data"]
    assert np.frombuffer(rest[40:], "<f8").tolist() == own["score"]["data"]
    wanted = [{"name": "score"}, {"name": "route", "parameters": {"binary_data": True}}]
    body, headers = binary(2, outputs=wanted)
    answer = server.request("POST", path, body=body, headers=headers)
    size = int(answer.headers["inference-header-content-length"])
    assert json.loads(answer.body[:size])["outputs"][0]["data"] == own["score"]["data"][:2]
    assert answer.body[size:] == texts(["pinned"] * 2)


@pytest.mark.parametrize(("coding", "bits"), [("gzip", 31), ("deflate", 15)])
def test_packed_binary_tensors_go_both_ways(server: ServerProcess, coding: str, bits: int) -> None:
    body, headers = binary(40, parameters={"binary_data_output": True})
    packing = zlib.compressobj(wbits=bits)
    packed = packing.compress(body) + packing.flush()
    answer = server.request("POST", INFER, body=packed, headers={**headers, "Content-Encoding": coding, "Accept-Encoding": coding})
    assert (answer.status, answer.headers["content-encoding"]) == (200, coding)
    found = zlib.decompress(answer.body, 47)
    assert json.loads(found[: int(answer.headers["inference-header-content-length"])])["model_name"] == "late"


def test_a_finished_vector_is_columns_or_one_matrix(server: ServerProcess) -> None:
    names = [(one["name"], one["datatype"]) for one in server.request("GET", "/v2/models/late.vector").json["inputs"]]
    values: dict[str, list[Any]] = {"BYTES": ["L1", "L2"], "FP64": [1.0, 2.0], "BOOL": [True, False]}
    given = [tensor(name, datatype, data=values.get(datatype, [1, 2])) for name, datatype in names]
    answer = infer(server, given, path="/v2/models/late.vector/infer")
    assert answer.json["model_name"] == "late.vector"
    assert outputs(answer)["score"]["shape"] == [2]
    matrix = {"name": "x", "datatype": "FP64", "shape": [2, len(names) + 1], "data": [0.0] * 2 * (len(names) + 1)}
    refused = infer(server, [matrix], path="/v2/models/late.vector/infer")
    assert refused.status == 422
    assert f"one matrix [ROWS, {len(names)}]" in refused.json["error"]


WRONG: list[tuple[str, Any, int, str]] = [
    ("name", with_one(name="distanc"), 422, "Did you mean 'distance'?"),
    ("missing", columns()[:3], 422, "it is missing"),
    ("extra", [*columns(), tensor("more", "FP64", data=[1, 2, 3])], 422, "no column 'more'"),
    ("twice", [*columns(), columns()[0]], 422, "it is there twice"),
    ("datatype", with_one(datatype="FP65"), 422, "Did you mean 'FP64'?"),
    ("text for number", with_one(data=["1", 2.0, 3.0]), 422, "Expected `float | null`, got `str`"),
    ("BYTES for number", with_one(datatype="BYTES", data=["1", "2", "3"]), 422, "the text '1'; send a number"),
    ("BOOL for number", with_one(datatype="BOOL", data=[True] * 3), 422, "it is true; send a number"),
    ("NaN", with_one(data=[float("nan"), 1.0, 2.0]), 400, "not JSON"),
    ("infinity", with_one(data=[float("inf"), 1.0, 2.0]), 400, "not JSON"),
    ("overflow", with_one(datatype="INT8", data=[1, 2, 128]), 422, "Expected `int` <= 127"),
    ("huge number", with_one(datatype="INT64", data=[1, 2, 10**30]), 422, "at `$[2]`"),
    ("ragged", with_one(data=[[1.0], [2.0, 3.0], []], shape=[3, 1]), 422, "ragged"),
    ("nested", with_one(data=[[[1.0]], [[2.0]], [[3.0]]]), 422, "nested 3 deep"),
    ("negative shape", with_one(shape=[-3]), 422, "its shape is [-3]"),
    ("many rows", with_one(shape=[2**39]), 413, "one may have 1,000"),
    ("huge shape", with_one(shape=[2**62]), 422, "no request has so many values"),
    ("huge second shape", with_one(shape=[3, 2**62]), 422, "no request has so many values"),
    ("no shape", with_one(shape=[]), 422, "its shape is []"),
    ("shape of no rows", with_one(shape=[0], data=[]), 422, "no row"),
    ("short", with_one(data=[1.0, 2.0]), 422, "2 elements"),
    ("long shape", with_one(shape=[3, *[1] * 100]), 422, "its shape is [3, 1"),
    ("lengths", [tensor("distance", "FP64", data=[1.0, 2.0]), *columns()[:3], columns()[4]], 422, "has 3 values"),
    ("no data", with_one(data=None), 422, "Expected `array`, got `null`"),
    ("null key", [tensor("trip_id", "BYTES", data=[None, "a", "b"]), *columns()[1:]], 422, "identifies the row"),
    ("no inputs", [], 422, "length >= 1"),
    ("inputs are none", {"a": 1}, 422, "Expected `array`"),
    ("shared memory", with_one(parameters={"shared_memory_region": "r"}), 422, "does not speak the parameter 'shared_memory_region'"),
    ("binary without header", with_one(parameters={"binary_data_size": 24}), 422, "0 bytes left"),
    ("many inputs", [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1]}] * 10_001, 422, "length <= 10000"),
    ("many rows", [tensor("trip_id", "BYTES", data=["a"] * 1001)], 413, "1,001 rows"),
    ("deep", with_one(data=json.loads("[" * 900 + "]" * 900)), 422, "nested 900 deep"),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "status", "words"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_inputs_are_told_in_one_sentence_of_json(server: ServerProcess, inputs: Any, status: int, words: str) -> None:
    answer = infer(server, inputs)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json"), answer.body
    assert list(answer.json) == ["error"]
    assert words in answer.json["error"]
    assert infer(server, columns()).status == 200


LYING: list[tuple[str, Mapping[str, str], int, str]] = [
    ("header beyond", {"Inference-Header-Content-Length": "100000"}, 400, "100000"),
    ("header is none", {"Inference-Header-Content-Length": "-1"}, 400, "'-1'"),
    ("header is huge", {"Inference-Header-Content-Length": "9" * 40}, 400, "but the body has"),
    ("header in the middle", {"Inference-Header-Content-Length": "17"}, 400, "not JSON"),
    ("no header", {"Inference-Header-Content-Length": ""}, 400, "not JSON"),
    ("kind", {"Content-Type": "text/plain"}, 415, "text/plain"),
    ("coding", {"Content-Encoding": "br"}, 415, "'br'"),
    ("no gzip", {"Content-Encoding": "gzip"}, 400, "cannot be unpacked"),
]


@pytest.mark.parametrize(("headers", "status", "words"), [case[1:] for case in LYING], ids=[case[0] for case in LYING])
def test_headers_that_lie_are_told(server: ServerProcess, headers: Mapping[str, str], status: int, words: str) -> None:
    body, usual = binary()
    answer = server.request("POST", INFER, body=body, headers={**usual, **headers})
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json"), answer.body
    assert words in answer.json["error"]


@pytest.mark.parametrize(
    ("size", "part", "words"),
    [
        (16, np.zeros(3).tobytes(), "it has 16 bytes; 3 elements of FP64 have 24"),
        (25, np.zeros(3).tobytes(), "but the body has 24 bytes left"),
        (-1, np.zeros(3).tobytes(), "its binary_data_size is -1"),
        (True, np.zeros(3).tobytes(), "its binary_data_size is True"),
        ("24", np.zeros(3).tobytes(), "its binary_data_size is 24"),
        (24, np.zeros(4).tobytes(), "8 bytes follow"),
    ],
    ids=["short", "long", "negative", "true", "text", "rest"],
)
def test_sizes_that_lie_are_told(server: ServerProcess, size: Any, part: bytes, words: str) -> None:
    given = [one for one in columns() if one["name"] != "distance"]
    said = {"name": "distance", "datatype": "FP64", "shape": [3], "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [*given, said]}).encode()
    answer = server.request("POST", INFER, body=head + part, headers={"Inference-Header-Content-Length": str(len(head))})
    assert answer.status == 422, answer.body
    assert words in answer.json["error"]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (b"\xff\xff\xff\xff", "element 0 of 3 does not end"),
        (texts(["a", "b"]), "element 2 of 3 does not end"),
        (texts(["a", "b", "c", "d"]), "5 bytes follow its last element"),
        (texts(["a", "b"]) + b"\x01\x00\x00\x00\xff", "Row 2, field 'line': it is a text that is not UTF-8"),
    ],
    ids=["length", "cut", "rest", "bytes"],
)
def test_texts_that_lie_are_told(server: ServerProcess, part: bytes, words: str) -> None:
    given = [one for one in columns() if one["name"] != "line"]
    said = {"name": "line", "datatype": "BYTES", "shape": [3], "parameters": {"binary_data_size": len(part)}}
    head = json.dumps({"inputs": [*given, said]}).encode()
    answer = server.request("POST", INFER, body=head + part, headers={"Inference-Header-Content-Length": str(len(head))})
    assert answer.status == 422, answer.body
    assert words in answer.json["error"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v2/nowhere", {}, 404), ("GET", "/v2/", {}, 404), ("POST", "/v2/models/none/infer", {}, 404),
        ("GET", "/v2/models/none", {}, 404),
        ("GET", "/v2/models/late/versions/9", {}, 404), ("POST", "/v2/models/late/versions/x/infer", {}, 404),
        ("GET", "/v2/models/late/versions/" + "9" * 100, {}, 404), ("GET", INFER, {}, 405), ("DELETE", "/v2/models/late", {}, 405),
        ("GET", "/v2/models/late", {"Authorization": ""}, 401), ("POST", INFER, {"Authorization": "Bearer no"}, 401),
        ("GET", "/v2/health/live", {"Host": "evil.example"}, 403), ("POST", "/v2/repository/models/none/load", {}, 422),
        ("POST", "/v2/repository/index", {}, 422),
    ],
)  # fmt: skip
def test_every_failure_is_one_sentence_of_json(
    server: ServerProcess, method: str, path: str, headers: Mapping[str, str], status: int
) -> None:
    answer = server.request(method, path, body=b"[1]" if method == "POST" else None, headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json"), answer.body
    assert list(answer.json) == ["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"inputs": ' + b"[" * 100_000, b"\xff", b'{"inputs":[{"name":"\xff"}]}'])
def test_what_is_no_json_is_told(server: ServerProcess, body: bytes) -> None:
    answer = server.request("POST", INFER, body=body)
    assert answer.status in {400, 422}
    assert answer.json["error"]


def test_an_output_that_there_is_not_is_told_before_anything_is_asked(server: ServerProcess) -> None:
    before = len(server.journal())
    answer = infer(server, columns(), outputs=[{"name": "scor"}])
    assert answer.status == 422
    assert "Did you mean 'score'?" in answer.json["error"]
    assert infer(server, columns(), outputs=[{"name": "probabilities"}]).status == 422
    assert len(server.journal()) == before


def test_the_index_has_every_version(server: ServerProcess) -> None:
    index = server.request("POST", "/v2/repository/index", body=b"").json
    assert index == [{"name": "late", "version": number, "state": "READY", "reason": ""} for number in ("1", "2")]
    assert server.request("POST", "/v2/repository/index", body=b'{"ready": true}').json == index


def test_before_a_plan_the_server_lives_and_is_not_ready(tmp_path_factory: pytest.TempPathFactory) -> None:
    with ServerProcess(tmp_path_factory.mktemp("nothing")) as empty:
        assert empty.request("GET", "/v2/health/live").json == {"live": True}
        answer = empty.request("GET", "/v2/health/ready")
        assert (answer.status, answer.json["live"], answer.json["ready"]) == (503, True, False)
        assert empty.request("GET", "/v2/models/late/ready").status == 503
