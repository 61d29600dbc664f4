"""Every endpoint that the client knows, with the fields of its request, as JSON: what the door's own table is compared with."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from mlflow.protos import databricks_pb2, mlflow_artifacts_pb2, model_registry_pb2, service_pb2

SERVICES = (service_pb2.MlflowService, model_registry_pb2.ModelRegistryService, mlflow_artifacts_pb2.MlflowArtifactsService)
KINDS = {
    FieldDescriptor.TYPE_STRING: "text", FieldDescriptor.TYPE_INT64: "whole", FieldDescriptor.TYPE_INT32: "whole",
    FieldDescriptor.TYPE_DOUBLE: "number", FieldDescriptor.TYPE_BOOL: "truth", FieldDescriptor.TYPE_ENUM: "choice",
    FieldDescriptor.TYPE_MESSAGE: "object",
}  # fmt: skip


def fields(message: Any) -> dict[str, str]:
    """The kinds of the message's fields, by name."""
    found = {}
    for field in message.fields:
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == FieldDescriptor.LABEL_REPEATED
        found[field.name] = ("list of " if repeated else "") + KINDS[field.type]
    return found


def main() -> None:
    """Say them all."""
    told = []
    for service in SERVICES:
        for method in service.DESCRIPTOR.methods:
            for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                path = f"/api/{endpoint.since.major}.0/{endpoint.path.lstrip('/')}"
                told.append({"method": endpoint.method, "path": path, "fields": fields(method.input_type)})
    print(json.dumps(told))


if __name__ == "__main__":
    main()
