"""The contract of a dataset; its words stand in the package `contracts`."""

from __future__ import annotations

from flyball.data.contracts.decoding import decode
from flyball.data.contracts.inferring import infer, times_in
from flyball.data.contracts.model import Basis, Column, Contract, declared_columns

__all__ = ["Basis", "Column", "Contract", "declared_columns", "decode", "infer", "times_in"]
