"""A contract as a file holds it becomes one that can judge rows, or says what is wrong in it."""

from __future__ import annotations

import msgspec

from flyball.core.errors import InvalidError
from flyball.data.contracts.compiled import prove
from flyball.data.contracts.model import Contract, declared_columns
from flyball.data.errors import ContractFileError, UnknownColumnError
from flyball.data.model import Dataset
from flyball.data.values import ColumnType


def decode(text: str, *, dataset: Dataset, path: str) -> Contract:
    """The contract that a file holds.

    Raises:
        ContractFileError: it is not JSON, has an unknown field or type, contradicts the dataset's declaration, or has a check that
            can never be evaluated.
    """
    try:
        contract = msgspec.json.decode(text, type=Contract)
    except msgspec.DecodeError as error:
        raise ContractFileError(path, str(error)) from error
    if contract.dataset != dataset.name:
        raise ContractFileError(path, f"it is the contract of {contract.dataset!r}, not of {dataset.name!r}")
    for name in declared_columns(dataset):
        if name not in contract.columns:
            raise ContractFileError(path, str(UnknownColumnError(name, contract.columns, where="It")).rstrip("."))
    if contract.columns[dataset.event_time].type not in {ColumnType.TIME, ColumnType.DATE}:
        raise ContractFileError(path, f"the event time {dataset.event_time!r} must be a time or a date")
    try:
        prove(dataset, contract)
    except InvalidError as error:
        raise ContractFileError(path, str(error).rstrip(".")) from error
    return contract
