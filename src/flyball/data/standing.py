"""How a dataset stands while live rows come: its latest version, its contract, its table's end, and the index of its rows."""

from __future__ import annotations

from dataclasses import dataclass

from flyball.core.ids import Digest
from flyball.data.contracts.model import Contract
from flyball.data.errors import NotIngestedError
from flyball.data.inplace import InPlaceOnlyError
from flyball.data.keyindex import KeyIndex
from flyball.data.model import Dataset, DatasetVersion
from flyball.data.rows import Rows, table_name
from flyball.data.service import DataService


@dataclass
class Standing:
    """What the next live rows of a dataset meet; loaded once, then kept up to date. Not thread-safe."""

    dataset: Dataset
    contract: Contract
    contract_digest: Digest
    table: str
    parent: DatasetVersion
    latest: DatasetVersion
    table_version: int | None
    last_arrival: int
    index: KeyIndex
    stream_position: int = 0

    @classmethod
    def load(cls, dataset: Dataset, data: DataService) -> Standing:
        """How it stands now; reads the whole table once.

        Raises:
            NotIngestedError: no version is accepted, or its rows are of another declaration.
        """
        parent, contract, table = standing_contract(dataset, data)
        rows, latest = Rows(data.tables), data.versions.list(dataset.name, after=parent.number - 1)[-1]
        index = KeyIndex(dataset.key, list(contract.columns))
        index.load(rows.scan(data.content(parent)))
        table_version, last = data.tables.latest(table), rows.last_arrival(table)
        position = data.tables.position(table, stream_of(dataset.name))
        return cls(dataset, contract, parent.contract, table, parent, latest, table_version, last, index, position)

    def is_current(self, data: DataService) -> bool:
        """Whether no version was made or moved by others since; rows that no version names may stand in the table nevertheless."""
        return data.versions.list(self.dataset.name, after=self.latest.number - 1) == [self.latest]


def stream_of(name: str) -> str:
    """The stream in a table that the dataset's pushes are."""
    return f"live:{name}"


def standing_contract(dataset: Dataset, data: DataService) -> tuple[DatasetVersion, Contract, str]:
    """The latest accepted version, the contract that judged it and that judges live rows, and their table.

    A contract that a person edited counts from the next ingest on, which reads the files again.

    Raises:
        NotIngestedError: no version is accepted, or its rows are of another declaration.
    """
    if dataset.source.in_place:
        raise InPlaceOnlyError(dataset.name, dataset.source.describe())
    found = data.find_accepted(dataset.name)
    if found is None:
        raise NotIngestedError(dataset.name, dataset.source.describe(), why="no version of it is accepted")
    contract = data.get_contract(dataset, found.number)
    table = table_name(dataset, contract)
    if table != found.table:
        raise NotIngestedError(dataset.name, dataset.source.describe(), why="it was declared otherwise when it was ingested")
    return found, contract, table
