"""Our messages have the names, numbers and types that the stock clients were built with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flyball.predict.grpc.messages import message, methods
from tests.stock import run_script

MODULES = {
    "triton": ("tritonclient.grpc.service_pb2", "tritonclient.grpc.model_config_pb2"),
    "kserve": ("kserve.protocol.grpc.grpc_predict_v2_pb2",),
}
REPOSITORY = {f"inference.RepositoryModel{verb}{part}" for verb in ("Load", "Unload") for part in ("Request", "Response")}
"""Where the two differ: see the comment in inference.proto."""


def ours(name: str) -> dict[str, Any]:
    return {
        field.name: [field.number, field.type, field.is_repeated, field.message_type.full_name if field.message_type else None]
        for field in message(name).DESCRIPTOR.fields
    }


@pytest.mark.parametrize("client", sorted(MODULES))
def test_numbers_and_types_are_those_of_the_client(client: str) -> None:
    theirs = json.loads(run_script("protonumbers", *MODULES[client], client=client))
    for name, method in methods("inference.GRPCInferenceService").items():
        if name in theirs["methods"]:
            assert [method.request.DESCRIPTOR.full_name, method.response.DESCRIPTOR.full_name] == theirs["methods"][name]
    known = {name: fields for name, fields in theirs["messages"].items() if _is_ours(name)}
    assert len(known) > 20
    for name, fields in known.items():
        mine = ours(name)
        for field in mine.keys() & fields.keys():
            if not (client == "kserve" and name in REPOSITORY):
                assert mine[field] == fields[field], f"{name}.{field}"


def test_the_answer_to_loading_is_what_kserve_reads() -> None:
    theirs = json.loads(run_script("protonumbers", *MODULES["kserve"], client="kserve"))["messages"]
    for name in sorted(name for name in REPOSITORY if name.endswith("Response")):
        assert ours(name) == theirs[name]


def _is_ours(name: str) -> bool:
    try:
        message(name)
    except KeyError:
        return False
    return True
