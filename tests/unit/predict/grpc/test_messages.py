"""The messages of our .proto files travel, and live in a pool of their own."""

from __future__ import annotations

from google.protobuf import descriptor_pool  # type: ignore[import-untyped]  # it ships no types

from flyball.predict.grpc.messages import methods, of_inference


def test_a_request_is_what_it_was_when_it_has_travelled() -> None:
    request = of_inference("ModelInferRequest")(model_name="late", raw_input_contents=[b"\0\1"])
    request.parameters["priority"].int64_param = -3
    tensor = request.inputs.add(name="x", datatype="FP64", shape=[2, 1])
    tensor.contents.fp64_contents.extend([0.1, float("inf")])
    again = of_inference("ModelInferRequest").FromString(request.SerializeToString())
    assert again == request
    assert again.parameters["priority"].WhichOneof("parameter_choice") == "int64_param"


def test_every_method_has_its_messages() -> None:
    found = methods("inference.GRPCInferenceService")
    assert {name for name, method in found.items() if method.streams} == {"ModelStreamInfer"}
    assert all(method.path == f"/inference.GRPCInferenceService/{name}" for name, method in found.items())
    assert found["ModelInfer"].response is of_inference("ModelInferResponse")


def test_nothing_is_left_in_the_pool_that_others_use() -> None:
    of_inference("ModelInferRequest")
    default = descriptor_pool.Default()
    try:
        default.FindMessageTypeByName("inference.ModelInferRequest")
    except KeyError:
        return
    raise AssertionError("the protocol's names are taken in the process-wide pool")
