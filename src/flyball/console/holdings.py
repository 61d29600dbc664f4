"""Where the console's pages about datasets ask, in the name of whoever looks, with answers as typed values."""

from __future__ import annotations

from collections.abc import Sequence

from flyball.client.datasets import AsideQuery, DatasetsClient
from flyball.console.answers import decoded, decoded_list, item
from flyball.console.datarecords import AsideRow, Change, Course, DataVersion, Holding, Promises, Proof, Readmission


class Holdings:
    """What one visitor may look up and decide of datasets; every method may raise a `FlyballError` whose sentence can stand on the page.

    Thread-safe.
    """

    def __init__(self, client: DatasetsClient) -> None:
        self._client = client

    def list_datasets(self) -> tuple[Holding, ...]:
        """Every dataset, by name."""
        return decoded_list(self._client.list_datasets(), Holding)

    def get_dataset(self, name: str, *, limit: int, before: int | None = None) -> tuple[Holding, tuple[DataVersion, ...], int | None]:
        """The dataset, a page of its versions, the newest first, and what asks for the next page."""
        found = self._client.get_dataset(name, limit=limit, before=before)
        further = decoded(item(found, "next"), int | None)  # type: ignore[arg-type]  # mypy takes no union for a type
        return decoded(item(found, "dataset"), Holding), decoded_list(item(found, "versions"), DataVersion), further

    def get_version(self, name: str, number: int) -> Proof:
        """The evidence on one version."""
        return decoded(self._client.get_version(name, number), Proof)

    def get_difference(self, name: str, before: int, *, after: int) -> Change:
        """What is other in the content of `after`."""
        return decoded(self._client.get_difference(name, before, after=after), Change)

    def get_contract(self, name: str) -> Promises:
        """What judges the next rows."""
        return decoded(self._client.get_contract(name), Promises)

    def list_results(self, name: str, *, limit: int) -> tuple[Course, ...]:
        """Each check with its results in the last versions."""
        return decoded_list(self._client.list_results(name, limit=limit), Course)

    def list_quarantine(self, name: str, query: AsideQuery) -> tuple[tuple[AsideRow, ...], str | None]:
        """A page of rows that were set aside, and what asks for the next."""
        found = self._client.list_quarantine(name, query)
        return decoded_list(found["rows"], AsideRow), found["next"]

    def release(self, name: str, number: int, *, why: str) -> DataVersion:
        """The version after a held one was taken as it is."""
        return decoded(self._client.release(name, number, why=why), DataVersion)

    def reject(self, name: str, number: int, *, why: str) -> DataVersion:
        """The version, which is never taken."""
        return decoded(self._client.reject(name, number, why=why), DataVersion)

    def readmit(self, name: str, ids: Sequence[str] | None, *, version: int | None, why: str) -> Readmission:
        """What came of the rows of `ids`, or of all that wait."""
        return decoded(self._client.readmit(name, ids, version=version, why=why), Readmission)
