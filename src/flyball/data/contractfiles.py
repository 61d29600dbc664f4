"""Contracts as files that people read and edit, one per dataset; a broken file stops the ingest, never weakens it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from flyball.data.contracts.decoding import decode
from flyball.data.contracts.model import Contract
from flyball.data.contractwriting import write_yaml
from flyball.data.contractyaml import MAX_BYTES, decode_yaml
from flyball.data.errors import ContractFileError
from flyball.data.model import Dataset
from flyball.storage.errors import os_errors

FOLDER = "contracts"
"""Where a project keeps its contracts, beside its file."""


@dataclass(frozen=True)
class ContractFiles:
    """The contract of the dataset NAME is `project`/NAME.yaml where there is one, else `root`/NAME.yaml, else NAME.json of an older home.

    `project` is for people and their repository: nothing is written there but by `write`. In `root` the ingest keeps what it
    inferred. Directories are made when they are needed.
    """

    root: Path
    project: Path | None = None

    def path(self, name: str) -> Path:
        """The file that decides about the dataset `name`; where the ingest puts one, if there is none."""
        places = [] if self.project is None else [self.project / f"{name}.yaml"]
        places += [self.root / f"{name}.yaml", self.root / f"{name}.json"]
        return next((place for place in places if place.is_file()), self.root / f"{name}.yaml")

    def find(self, dataset: Dataset) -> Contract | None:
        """The contract as the file has it now, or None.

        Raises:
            ContractFileError: the file cannot be used.
        """
        text = self.find_text(dataset.name)
        return None if text is None else read_contract(self.path(dataset.name), text, dataset=dataset)

    def find_text(self, name: str) -> str | None:
        """What stands in the file that decides, or None where there is none.

        Raises:
            ContractFileError: the file cannot be read.
        """
        path = self.path(name)
        return read_text(path) if path.is_file() else None

    def set(self, contract: Contract) -> None:
        """Let `contract` stand in the home's file; one that says so already stays as it was written.

        Raises:
            UnavailableError: the disk is full or cannot be written.
        """
        path = self.path(contract.dataset)
        if not path.is_file():
            write_whole(path, write_yaml(contract))

    def forget_inferred(self, name: str) -> None:
        """The home's file is gone; that of the project stays, and idempotent.

        Raises:
            UnavailableError: it cannot be removed.
        """
        for path in (self.root / f"{name}.yaml", self.root / f"{name}.json"):
            with os_errors(path):
                path.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """The text of a contract's file.

    Raises:
        ContractFileError: it is not there, too large, or no UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ContractFileError(str(path), f"it has more than {MAX_BYTES:,} bytes")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContractFileError(str(path), "it is not UTF-8") from error
    except OSError as error:
        raise ContractFileError(str(path), f"it cannot be read ({error.strerror or error})") from error


def read_contract(path: Path, text: str, *, dataset: Dataset) -> Contract:
    """The contract in the text of the file at `path`: JSON where the name says so, else YAML.

    Raises:
        ContractFileError: it is none, or not of `dataset`.
    """
    if path.suffix == ".json":
        return decode(text, dataset=dataset, path=str(path))
    return decode_yaml(text, dataset=dataset, path=str(path))


def write_whole(path: Path, text: str) -> None:
    """Write the file whole or not at all.

    Raises:
        UnavailableError: the disk is full or cannot be written.
    """
    with os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
