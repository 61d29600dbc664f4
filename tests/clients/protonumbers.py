"""Prints the messages, fields and methods of the Open Inference Protocol as the client whose environment runs this was built with them."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterable
from typing import Any

SERVICE = "GRPCInferenceService"


def fields(message: Any) -> dict[str, Any]:
    """By name: number, type, whether repeated, and the name of the message where it is one."""
    repeated = getattr(message, "LABEL_REPEATED", 3)
    return {
        field.name: [field.number, field.type, _is_repeated(field, repeated), field.message_type.full_name if field.message_type else None]
        for field in message.fields
    }


def _is_repeated(field: Any, repeated: int) -> bool:
    found = getattr(field, "is_repeated", None)
    return bool(found) if found is not None else field.label == repeated


def walk(messages: Iterable[Any], found: dict[str, Any]) -> dict[str, Any]:
    """All messages, those inside others too."""
    for message in messages:
        found[message.full_name] = fields(message)
        walk(message.nested_types, found)
    return found


def main() -> None:
    """Print all as one JSON object."""
    files = [importlib.import_module(name).DESCRIPTOR for name in sys.argv[1:]]
    messages: dict[str, Any] = {}
    for file in files:
        walk(file.message_types_by_name.values(), messages)
    methods = {
        method.name: [method.input_type.full_name, method.output_type.full_name]
        for file in files
        for method in (file.services_by_name[SERVICE].methods if SERVICE in file.services_by_name else [])
    }
    print(json.dumps({"messages": messages, "methods": methods}))


main()
