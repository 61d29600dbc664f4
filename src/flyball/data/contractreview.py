"""What a person decides about a contract from: what would be inferred now, what differs from what judged, and what rows say to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from shutil import rmtree

import msgspec

from flyball.data.batch import Batch
from flyball.data.contractfiles import FOLDER
from flyball.data.contracts import Contract, Report, check_scan
from flyball.data.contracts.model import Column, KeyCheck
from flyball.data.contracts.outcome import Context
from flyball.data.contractwriting import differences, write_yaml
from flyball.data.errors import UnknownColumnError
from flyball.data.model import Dataset
from flyball.data.rows import Rows
from flyball.data.service import DataService
from flyball.data.sources.port import Surroundings

INFERRED = ("type", "nullable", "minimum", "maximum", "categories")


@dataclass(frozen=True)
class Proposal:
    """What the file at `path` says (`before`; None where there is none in the project), and what it would say."""

    path: Path
    before: str | None
    after: str

    @property
    def lines(self) -> Sequence[str]:
        """The difference, as a unified diff."""
        return differences(self.before or "", self.after, names=(f"{self.path.name} now", f"{self.path.name} inferred"))


@dataclass(frozen=True)
class ContractReview:
    """Contracts of the project whose file lies in `root`. Writes nothing."""

    data: DataService
    root: Path

    def propose(self, dataset: Dataset, *, history: timedelta | None, only: Collection[str] = ()) -> Proposal:
        """The project's file with what is inferred from the source now, of all columns or `only` of some.

        What a person added stays: checks, patterns, severities, comments.

        Raises:
            UnknownColumnError: neither the file nor the source has a column of `only`.
            FlyballError: the source cannot be read, or the file cannot be used.
        """
        path = self.root / FOLDER / f"{dataset.name}.yaml"
        files = self.data.contract_files(self.root)
        written, text = files.find(dataset), files.find_text(dataset.name)
        inferred = self._infer(dataset, history)
        for name in only:
            if name not in inferred.columns and (written is None or name not in written.columns):
                raise UnknownColumnError(name, inferred.columns, where=f"The source of dataset {dataset.name!r}")
        contract = inferred if written is None else merge(written, inferred, only=only)
        yaml = text if text is not None and files.path(dataset.name).suffix == ".yaml" else None
        before = text if path.is_file() else None
        return Proposal(path, before, write_yaml(contract, before=yaml))

    def _infer(self, dataset: Dataset, history: timedelta | None) -> Contract:
        scratch = self.data.contracts.with_name(".pulls") / f"{dataset.name}.review"
        around = Surroundings(root=self.root, scratch=scratch / "source", environment=self.data.environment, dataset=dataset.name)
        rmtree(scratch, ignore_errors=True)
        try:
            with self.data.sources(dataset.source, around) as source:
                return Batch.find(dataset, source, scratch=scratch, seen=None).infer(history)
        finally:
            rmtree(scratch, ignore_errors=True)

    def compare(self, dataset: Dataset, number: int | None = None) -> tuple[int | None, Sequence[str]]:
        """The version (by default the latest) and what differs between the contract that judged it and the file now."""
        versions = self.data.list(dataset.name)
        if number is None and not versions:
            return None, []
        chosen = versions[-1].number if number is None else number
        judged, now = self.data.get_contract(dataset, chosen), self.data.find_contract(dataset, self.root)
        assert now is not None, "where there is a version, there is a contract"
        name = self.data.contract_files(self.root).path(dataset.name).name
        return chosen, differences(write_yaml(judged), write_yaml(now), names=(f"{dataset.name}@{chosen}", name))

    def check(self, dataset: Dataset, contract: Contract, *, number: int | None = None) -> Report:
        """What comes of each promise of `contract` over the content of a version (by default the latest accepted); nothing is recorded.

        Raises:
            VersionNotFoundError: there is no such version.
            CheckError, ExpressionError: a check can never be evaluated.
        """
        version = self.data.get_accepted(dataset.name) if number is None else self.data.get(dataset.name, number)
        content = list(self.data.content(version))
        content = content if version in content else [*content, version]
        wanted = {check.dataset for check in contract.checks if isinstance(check, KeyCheck)}
        found = {name: self.data.find_accepted(name) for name in wanted}
        rows = Rows(self.data.tables)
        others = {name: rows.scan(self.data.content(other)) for name, other in found.items() if other is not None}
        return check_scan(dataset, contract, scan=rows.scan(content), context=Context(now=self.data.recorder.now(), others=others))


def merge(written: Contract, inferred: Contract, *, only: Collection[str] = ()) -> Contract:
    """What a person wrote with what is inferred in its place: types, nulls, ranges and categories of columns, and which there are."""
    columns: dict[str, Column] = {}
    for name, column in written.columns.items():
        if only and name not in only:
            columns[name] = column
        elif name in inferred.columns:
            facts = {field: getattr(inferred.columns[name], field) for field in INFERRED}
            columns[name] = msgspec.structs.replace(column, **facts)
    columns |= {name: column for name, column in inferred.columns.items() if name not in written.columns and (not only or name in only)}
    basis = written.inferred_from if only else inferred.inferred_from
    return msgspec.structs.replace(written, columns=columns, inferred_from=basis)
