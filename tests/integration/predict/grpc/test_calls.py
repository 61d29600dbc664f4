"""A model server process over gRPC: every method, who may call it, and every way to call it wrongly."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # it ships no types
import numpy as np
import pytest

from flyball.governance import Caller as Principal
from flyball.governance import Role, TokenWish
from flyball.predict.grpc.door import STREAMS
from flyball.predict.grpc.messages import message, methods, of_inference
from flyball.predict.grpc.routes import INFERENCE
from flyball.testing.governance import open_token_service
from flyball.testing.model_server import ServerProcess, memory_bytes
from flyball.testing.serving_home import ServingHome, trip
from tests.grpccalls import Caller, Refusal, asked, listening, outputs
from tests.live import wait_for

OWNER = Principal(Role.OWNER, "owner", principal="owner")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = ServingHome.trips(tmp_path_factory.mktemp("serving"))
    home.add_linear(1, intercept=-1.0)
    home.add_linear(2, intercept=1.0)
    home.keep(home.plan(1, 2, share=0.25))
    with ServerProcess(home.path, "--grpc-port", "0", "--body-seconds", "1") as running:
        yield running


@pytest.fixture
def caller(server: ServerProcess) -> Iterator[Caller]:
    with listening(server) as found:
        yield found


def test_health_is_told_to_anybody(server: ServerProcess) -> None:
    with listening(server, "") as stranger:
        assert stranger.call("ServerLive").live
        assert stranger.call("ServerReady").ready
        assert stranger.call("Check").status == 1
        assert stranger.call("Check", message("grpc.health.v1.HealthCheckRequest")(service=INFERENCE)).status == 1


def test_metadata_are_those_of_the_signature(caller: Caller) -> None:
    said = caller.call("ServerMetadata")
    assert (said.name, "model_repository" in said.extensions) == ("flyball", True)
    found = caller.call("ModelMetadata", of_inference("ModelMetadataRequest")(name="late"))
    assert [(spec.name, spec.datatype, list(spec.shape)) for spec in found.inputs] == [
        ("trip_id", "BYTES", [-1]), ("line", "BYTES", [-1]), ("station", "BYTES", [-1]), ("distance", "FP64", [-1]),
        ("leaves_at", "INT64", [-1]),
    ]  # fmt: skip
    assert [(spec.name, spec.datatype) for spec in found.outputs] == [("prediction", "BOOL"), ("score", "FP64")]
    assert list(found.versions) == ["1", "2"]
    assert list(caller.call("ModelMetadata", of_inference("ModelMetadataRequest")(name="late", version="2")).versions) == ["2"]
    assert len(caller.call("ModelMetadata", of_inference("ModelMetadataRequest")(name="late.vector")).inputs) == 9
    config = caller.call("ModelConfig", of_inference("ModelConfigRequest")(name="late")).config
    assert [(spec.name, spec.data_type) for spec in config.output] == [("prediction", 1), ("score", 12)]


@pytest.mark.parametrize(
    ("name", "version", "status", "words"),
    [("lat", "", "NOT_FOUND", "Did you mean 'late'?"), ("late", "7", "NOT_FOUND", "these do: 1, 2"), ("late", "x", "NOT_FOUND", "1, 2"),
     ("", "", "NOT_FOUND", "endpoint"), ("late", "1" * 5000, "NOT_FOUND", "1, 2")],
)  # fmt: skip
def test_what_there_is_not_is_told_with_what_there_is(caller: Caller, name: str, version: str, status: str, words: str) -> None:
    for method in ("ModelMetadata", "ModelReady", "ModelConfig"):
        refused = caller.call(method, methods(INFERENCE)[method].request(name=name, version=version))
        assert refused.status == status
        assert words in refused.sentence
    refused = caller.call("ModelInfer", asked([trip(1)], model=name, model_version=version))
    assert (refused.status, words in refused.sentence) == (status, True)


def test_an_answer_is_that_of_http(server: ServerProcess, caller: Caller) -> None:
    rows = [trip(number) for number in range(40)]
    over_http = server.predict(*rows).json["predictions"]
    answer = caller.call("ModelInfer", asked(rows, id="mine"))
    found = outputs(answer)
    assert found["score"] == [one["score"] for one in over_http]
    assert found["prediction"] == [one["prediction"] for one in over_http]
    assert (answer.model_name, answer.model_version, answer.id) == ("late", "", "mine")
    assert answer.parameters["route"].string_param == "mixed"


def test_outputs_and_versions_are_those_that_are_asked_for(server: ServerProcess, caller: Caller) -> None:
    request = asked([trip(1), trip(2)], model_version="2")
    for name in ("version", "id", "route", "score"):
        request.outputs.add(name=name)
    answer = caller.call("ModelInfer", request)
    found = outputs(answer)
    assert list(found) == ["version", "id", "route", "score"]
    assert (found["version"], found["route"], answer.model_version) == ([2, 2], ["pinned", "pinned"], "2")
    assert answer.parameters["version"].int64_param == 2
    journalled = {name for record in server.journal() for name in record.ids}
    assert set(found["id"]) <= journalled


def test_raw_contents_are_answered_raw(caller: Caller) -> None:
    rows = [trip(number) for number in range(5)]
    typed = outputs(caller.call("ModelInfer", asked(rows)))
    request = asked(rows)
    for tensor in request.inputs:
        texts, numbers = tensor.contents.bytes_contents, tensor.contents.fp64_contents
        packed = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
        request.raw_input_contents.append(packed if tensor.datatype == "BYTES" else np.array(numbers).tobytes())
        tensor.ClearField("contents")
    answer = caller.call("ModelInfer", request)
    assert [output.name for output in answer.outputs] == ["prediction", "score"]
    assert not answer.outputs[0].HasField("contents")
    assert np.frombuffer(answer.raw_output_contents[0], bool).tolist() == typed["prediction"]
    assert np.frombuffer(answer.raw_output_contents[1], "<f8").tolist() == typed["score"]


def test_times_may_be_microseconds(caller: Caller) -> None:
    rows = [trip(3)]
    in_words = outputs(caller.call("ModelInfer", asked(rows)))
    micros = int(np.datetime64(rows[0]["leaves_at"].rstrip("Z"), "us").astype(int))
    assert outputs(caller.call("ModelInfer", asked([{**rows[0], "leaves_at": micros}]))) == in_words


def test_finished_features_are_asked_by_name_vector(caller: Caller) -> None:
    vector = {
        "trips.line": "L1", "trips.station": "S1", "trips.distance": 5.0, "sky.temperature": 1.0, "sky.wind": 2.0, "punctuality.late": 0.5,
        "punctuality.landed": 3, "calendar.hour": 4, "calendar.far": False,
    }  # fmt: skip
    answer = caller.call("ModelInfer", asked([vector, vector], model="late.vector"))
    assert len(outputs(answer)["score"]) == 2


def test_a_stream_answers_each_request_in_order_and_survives_bad_ones(caller: Caller) -> None:
    requests = [asked([trip(number)], id=str(number)) for number in range(20)]
    requests[7] = asked([trip(1)], model="lat", id="7")
    requests[9] = asked([{**trip(9), "distance": float("nan")}], id="9")
    found = list(caller.stream(requests))
    assert [answer.infer_response.id for answer in found] == [str(number) if number not in {7, 9} else "" for number in range(20)]
    assert "Did you mean 'late'?" in found[7].error_message
    assert "Row 0, field 'distance'" in found[9].error_message
    assert all(not answer.error_message for place, answer in enumerate(found) if place not in {7, 9})


def test_one_caller_holds_so_many_streams_and_no_more(caller: Caller) -> None:
    end = threading.Event()

    def thinking() -> Iterator[Any]:
        yield asked([trip(1)])
        end.wait(60)

    held = [caller.stream(thinking()) for _ in range(STREAMS)]
    assert all(next(stream).infer_response.outputs for stream in held)
    with pytest.raises(grpc.RpcError) as refused:
        list(caller.stream([asked([trip(1)])]))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(outputs(caller.call("ModelInfer", asked([trip(1)])))["score"]) == 1
    end.set()
    assert all(list(stream) == [] for stream in held)
    assert list(caller.stream([asked([trip(1)])]))


def test_a_stream_without_a_request_ends_well(caller: Caller) -> None:
    assert list(caller.stream([])) == []


@pytest.mark.parametrize(
    ("change", "status", "code", "words"),
    [
        (lambda request: request.inputs.pop(), "INVALID_ARGUMENT", "field", "it is missing"),
        (lambda request: request.ClearField("inputs"), "INVALID_ARGUMENT", "no-rows", "row"),
        (lambda request: setattr(request.inputs[0], "name", "trip_di"), "INVALID_ARGUMENT", "field", "Did you mean 'trip_id'?"),
        (lambda request: request.inputs[3].shape.append(7), "INVALID_ARGUMENT", "tensor", "it has 1 values"),
        (lambda request: setattr(request.inputs[3], "datatype", "FP32"), "INVALID_ARGUMENT", "tensor", "fp64_contents"),
        (lambda request: request.inputs.add().CopyFrom(request.inputs[0]), "INVALID_ARGUMENT", "tensor", "twice"),
        (lambda request: request.inputs[3].contents.fp64_contents.__setitem__(0, float("inf")), "INVALID_ARGUMENT", "field", "inf"),
        (lambda request: request.inputs[0].contents.bytes_contents.__setitem__(0, b"\xff"), "INVALID_ARGUMENT", "field", "not UTF-8"),
        (lambda request: request.outputs.add(name="scor"), "INVALID_ARGUMENT", "output", "Did you mean 'score'?"),
        (lambda request: request.raw_input_contents.append(b""), "INVALID_ARGUMENT", "tensor", "raw contents"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_what_is_wrong(caller: Caller, change: Any, status: str, code: str, words: str) -> None:
    request = asked([trip(1)])
    change(request)
    refused = caller.call("ModelInfer", request)
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.code) == (status, code)
    assert words in refused.sentence
    assert len(outputs(caller.call("ModelInfer", asked([trip(1)])))["score"]) == 1


def test_a_wrong_value_is_told_with_its_row_and_field(caller: Caller) -> None:
    refused = caller.call("ModelInfer", asked([trip(1), {**trip(2), "distance": float("nan")}]))
    assert (refused.trailers["error-row"], refused.trailers["error-field-bin"]) == ("1", b"distance")


def test_ten_thousand_rows_are_refused_and_a_thousand_answered(caller: Caller) -> None:
    refused = caller.call("ModelInfer", asked([trip(number) for number in range(10_000)]))
    assert (refused.status, refused.code) == ("RESOURCE_EXHAUSTED", "too-many-rows")
    assert len(outputs(caller.call("ModelInfer", asked([trip(number) for number in range(1000)])))["score"]) == 1000


@pytest.mark.parametrize("data", [b"", b"\xff" * 40, b"\x2a\xff\xff\xff\x0f", b"\x0a\x05la"])
def test_bytes_that_are_no_message_are_refused(caller: Caller, data: bytes) -> None:
    refused = caller.raw("ModelInfer", data)
    assert refused.status in {"INVALID_ARGUMENT", "NOT_FOUND"}
    assert refused.code in {"message", "endpoint-not-found"}


@pytest.mark.parametrize("packed", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_hundred_megabytes_are_refused_whether_packed_or_not(server: ServerProcess, caller: Caller, packed: grpc.Compression) -> None:
    before = memory_bytes(server.pid)
    refused = caller.raw("ModelInfer", bytes(100 << 20), compression=packed)
    assert refused.status == "RESOURCE_EXHAUSTED"
    assert memory_bytes(server.pid) - before < 64 << 20
    small = asked([trip(1)]).SerializeToString()
    assert isinstance(caller.raw("ModelInfer", small, compression=packed), bytes)


def test_strangers_learn_nothing(server: ServerProcess) -> None:
    for secret in ("", "flyball_wrong", "wrong"):
        with listening(server, secret) as stranger:
            for name in methods(INFERENCE):
                if name in {"ServerLive", "ServerReady", "ModelStreamInfer"}:
                    continue
                refused = stranger.call(name)
                assert refused.status == "UNAUTHENTICATED"
                assert "late" not in refused.sentence
            with pytest.raises(grpc.RpcError) as streamed:
                list(stranger.stream([asked([trip(1)])]))
            assert streamed.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_two_authorizations_are_nobodys(server: ServerProcess, caller: Caller) -> None:
    twice = [*caller.metadata, ("authorization", "Bearer other")]
    assert caller.call("ServerMetadata", metadata=twice).status == "UNAUTHENTICATED"
    del server


def test_a_strangers_message_is_not_read(server: ServerProcess) -> None:
    before = memory_bytes(server.pid)
    with listening(server, "") as stranger:
        refused = stranger.raw("ModelInfer", bytes(9 << 20))
    assert refused.status == "UNAUTHENTICATED"
    assert memory_bytes(server.pid) - before < 8 << 20


@pytest.mark.parametrize("path", ["/inference.GRPCInferenceService/Nothing", "/other.Service/ModelInfer", "/"])
def test_methods_that_there_are_not_are_unimplemented(caller: Caller, path: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        caller.channel.unary_unary(path)(b"", timeout=60, metadata=caller.metadata)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_slow_message_ends_its_call_and_nothing_else(server: ServerProcess, caller: Caller) -> None:
    never = threading.Event()

    def slowly() -> Iterator[Any]:
        never.wait(60)
        yield asked([trip(1)])

    begun = time.perf_counter()
    slow = caller.stream(slowly())
    assert len(outputs(caller.call("ModelInfer", asked([trip(1)])))["score"]) == 1
    with pytest.raises(grpc.RpcError) as refused:
        next(slow)
    never.set()
    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "1 s" in refused.value.details()
    assert time.perf_counter() - begun < 30
    assert "Traceback" not in server.log


def test_calls_that_are_given_up_cost_nothing(server: ServerProcess, caller: Caller) -> None:
    method = methods(INFERENCE)["ModelInfer"]
    ask = caller.channel.unary_unary(method.path, request_serializer=method.request.SerializeToString)
    for _ in range(200):
        ask.future(asked([trip(1)]), timeout=60, metadata=caller.metadata).cancel()
    for _ in range(20):
        with suppress(grpc.RpcError):  # most of them
            ask(asked([trip(1)]), timeout=1e-6, metadata=caller.metadata)
    assert len(outputs(caller.call("ModelInfer", asked([trip(1)])))["score"]) == 1
    assert "Traceback" not in server.log


def test_many_at_once_each_get_their_own_answer(server: ServerProcess, caller: Caller) -> None:
    alone = {number: outputs(caller.call("ModelInfer", asked([trip(number)])))["score"] for number in range(50)}

    def check(number: int) -> bool:
        request = asked([trip(number)], id=str(number))
        answer = caller.call("ModelInfer", request)
        return answer.id == str(number) and outputs(answer)["score"] == alone[number]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(check, [number for _ in range(6) for number in range(50)]))
    del server


def test_what_was_called_is_counted(server: ServerProcess, caller: Caller) -> None:
    caller.call("ModelInfer", asked([trip(1)]))
    text = server.request("GET", "/metrics").body.decode()
    assert 'flyball_grpc_requests_total{method="ModelInfer",status="OK"}' in text
    stats = caller.call("ModelStatistics", of_inference("ModelStatisticsRequest")(name="late")).model_stats
    assert sum(found.inference_count for found in stats) > 0
    assert {found.version for found in caller.call("ModelStatistics").model_stats} == {"1", "2"}
    for found in stats:
        spent = found.inference_stats
        stages = (spent.compute_input, spent.compute_infer, spent.compute_output)
        assert len({stage.count for stage in stages}) == 1
        assert stages[0].count <= found.execution_count
        assert all((stage.ns > 0) == (stage.count > 0) for stage in stages)


def test_finished_features_may_say_their_key(server: ServerProcess, caller: Caller) -> None:
    config = caller.call("ModelConfig", of_inference("ModelConfigRequest")(name="late.vector")).config
    assert [given.name for given in config.input if given.optional] == ["trip_id"]
    (name,) = outputs(caller.call("ModelInfer", asked([trip(5)], outputs=[{"name": "id"}])))["id"]
    record = next(found for found in server.journal() if name in found.ids)
    features = {column: values[record.ids.index(name)] for column, values in record.features.items()}
    (own,) = outputs(caller.call("ModelInfer", asked([{**features, "trip_id": "t5"}], model="late.vector", outputs=[{"name": "id"}])))["id"]
    again = next(found for found in server.journal() if own in found.ids)
    assert (again.keys[again.ids.index(own)], again.version) == ("t5", record.version)


def knows(caller: Caller) -> bool:
    return not isinstance(caller.call("ServerMetadata"), Refusal)


def test_roles_may_what_they_may_over_http(tmp_path: Path) -> None:
    home = ServingHome.trips(tmp_path)
    home.add_linear(1, intercept=0.0)
    home.keep(home.plan(1))
    tokens = open_token_service(home.path)
    with ServerProcess(home.path, "--grpc-port", "0") as server:
        may: dict[Role, set[str]] = {}
        for role in (Role.VIEWER, Role.EDITOR, Role.APPROVER):
            secret = tokens.create(TokenWish(name=role.value, role=role), by=OWNER).secret
            with listening(server, secret) as caller:
                wait_for(partial(knows, caller), 60, told="a token that was just made")
                names = [name for name in methods(INFERENCE) if name != "ModelStreamInfer"]
                may[role] = {name for name in names if getattr(caller.call(name), "status", "") != "PERMISSION_DENIED"}
        health = {"ServerLive", "ServerReady", "ServerMetadata"}
        reading = health | {"ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics", "RepositoryIndex"}
        assert may[Role.VIEWER] == reading
        assert may[Role.EDITOR] == reading | {"ModelInfer"}
        assert may[Role.APPROVER] == reading | {"ModelInfer", "RepositoryModelLoad", "RepositoryModelUnload"}


def test_calls_that_are_inside_are_answered_when_the_server_ends(tmp_path: Path) -> None:
    home = ServingHome.trips(tmp_path)
    home.add_linear(1, intercept=0.0)
    home.keep(home.plan(1))
    with ServerProcess(home.path, "--grpc-port", "0") as server, listening(server) as caller:
        answered: list[Any] = []

        def ask() -> None:
            while True:
                found = caller.call("ModelInfer", asked([trip(len(answered))]))
                answered.append(found)
                if isinstance(found, Refusal):
                    return

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(answered) > 50, 60, told="fifty answers")
        assert server.stop(signal.SIGTERM) == 0
        for thread in threads:
            thread.join(60)
        refused = [found for found in answered if isinstance(found, Refusal)]
        assert {found.status for found in refused} <= {"UNAVAILABLE"}
        told = sum(len(record.ids) for record in server.journal())
        assert told >= len(answered) - len(refused)


def test_a_port_that_is_taken_is_said_at_the_start(tmp_path: Path, server: ServerProcess) -> None:
    home = ServingHome.trips(tmp_path)
    home.add_linear(1, intercept=0.0)
    home.keep(home.plan(1))
    port = json.loads((server.home / "run" / "grpc.json").read_text())["port"]
    with pytest.raises(RuntimeError, match=f"{port}"), ServerProcess(home.path, "--grpc-port", str(port)):
        raise AssertionError("it listens where another does")
