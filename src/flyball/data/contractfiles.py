"""Contracts as files that people read and edit, one per dataset; a broken file stops the ingest, never weakens it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from flyball.data.contract import Contract, decode
from flyball.data.errors import ContractFileError
from flyball.data.model import Dataset
from flyball.storage.errors import os_errors


@dataclass(frozen=True)
class ContractFiles:
    """`root`/NAME.json is the contract of the dataset NAME; the directory is made when it is needed."""

    root: Path

    def path(self, name: str) -> Path:
        """Where the contract of the dataset `name` lies."""
        return self.root / f"{name}.json"

    def find(self, dataset: Dataset) -> Contract | None:
        """The contract as the file has it now, or None.

        Raises:
            ContractFileError: the file cannot be used.
        """
        path = self.path(dataset.name)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise ContractFileError(str(path), "it is not UTF-8") from error
        return decode(text, dataset=dataset, path=str(path))

    def set(self, contract: Contract) -> None:
        """Write the file whole or not at all.

        Raises:
            UnavailableError: the disk is full or cannot be written.
        """
        path = self.path(contract.dataset)
        with os_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_text(contract.encode(), encoding="utf-8")
            temporary.replace(path)
