"""The contract of a dataset on a terminal: inferred, shown, compared and tried, and written when a person says so."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flyball.cli.projecting import OpenedProject, open_project
from flyball.core.errors import ConflictError
from flyball.data.contractfiles import read_contract, read_text, write_whole
from flyball.data.contractreview import ContractReview, Proposal
from flyball.data.contracts import Contract, Outcome, Report
from flyball.data.declared.check import Severity
from flyball.data.model import Dataset
from flyball.data.quarantine.errors import NothingToJudgeByError


class ContractBrokenError(ConflictError):
    """Rows that break promises which set rows aside or hold versions."""

    code = "contract-broken"

    def __init__(self, dataset: str, checks: Sequence[str]) -> None:
        named = ", ".join(checks[:5]) + (", …" if len(checks) > 5 else "")
        super().__init__(f"The rows of dataset {dataset!r} break {len(checks)} of its promises: {named}. Mend the source or the contract.")


def infer(name: str, *, project: Path | None, home: Path | None, only: Sequence[str], write: bool) -> None:
    """Propose what the project's file should say; write it where there is none yet, or where a person says so."""
    with open_project(project, home) as opened:
        dataset, review = _dataset(opened, name)
        proposal = review.propose(dataset, history=opened.declared[name].history, only=only)
        if proposal.before is not None and not proposal.lines:
            _say(f"contracts/{proposal.path.name} says what the source does; nothing is to be changed.")
            return
        if proposal.before is not None:
            sys.stdout.write("\n".join([*proposal.lines, ""]))
            if not write and not _confirmed(proposal):
                _say("Nothing was written. Write it with --write, or some columns of it with --only COLUMN.")
                return
        write_whole(proposal.path, proposal.after)
        _say(f"contracts/{proposal.path.name} is written. Commit it; it judges the next rows of {name}.")


def show(name: str, *, version: int | None, project: Path | None, home: Path | None, as_json: bool) -> None:
    """Print the contract that judges the next rows, or the one that judged a version."""
    with open_project(project, home) as opened:
        dataset, review = _dataset(opened, name)
        contract, text = _contract(opened, dataset), review.data.contract_files(opened.root).find_text(name)
        if version is not None:
            contract, text = review.data.get_contract(dataset, version), None
    if as_json:
        sys.stdout.write(contract.encode())
        return
    from flyball.data.contractwriting import write_yaml

    sys.stdout.write(text if text is not None else write_yaml(contract))


def diff(name: str, *, version: int | None, project: Path | None, home: Path | None) -> None:
    """Print what differs between the contract that judged a version and the file now."""
    with open_project(project, home) as opened:
        dataset, review = _dataset(opened, name)
        number, lines = review.compare(dataset, version)
    if number is None:
        _say(f"No version of {name} was judged yet.")
    elif not lines:
        _say(f"The contract of {name} is the one that judged version {number}.")
    else:
        sys.stdout.write("\n".join([*lines, ""]))


def check(name: str, *, file: Path | None, version: int | None, project: Path | None, home: Path | None) -> None:
    """Try a contract on the rows that stand there, and print what came of each promise that was broken."""
    with open_project(project, home) as opened:
        dataset, review = _dataset(opened, name)
        contract = _contract(opened, dataset) if file is None else read_contract(file, read_text(file), dataset=dataset)
        report = review.check(dataset, contract, number=version)
    for line in _told(report):
        _say(line)
    broken = [outcome.check for outcome in report.outcomes if not outcome.passed and outcome.severity is not Severity.WARN]
    if broken:
        raise ContractBrokenError(name, broken)


def _told(report: Report) -> Sequence[str]:
    failed = [outcome for outcome in report.outcomes if not outcome.passed]
    skipped = [outcome for outcome in report.outcomes if outcome.skipped]
    lines = [_line(outcome) for outcome in failed]
    lines += [f"{'skipped':<10}  {outcome.check}: {outcome.message}" for outcome in skipped]
    kept = len(report.outcomes) - len(failed) - len(skipped)
    return [*lines, f"{kept} of {len(report.outcomes)} promises kept by {report.rows:,} rows."]


def _line(outcome: Outcome) -> str:
    said = outcome.message or f"observed {outcome.observed}, expected {outcome.expected}"
    examples = f"; for example {', '.join(outcome.examples[:3])}" if outcome.examples else ""
    return f"{outcome.severity.value:<10}  {outcome.check}: {said}{examples}"


def _dataset(opened: OpenedProject, name: str) -> tuple[Dataset, ContractReview]:
    return opened.get_dataset(name), ContractReview(opened.home.data, opened.root)


def _contract(opened: OpenedProject, dataset: Dataset) -> Contract:
    found = opened.home.data.find_contract(dataset, opened.root)
    if found is None:
        raise NothingToJudgeByError(dataset.name)
    return found


def _confirmed(proposal: Proposal) -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"Write this to contracts/{proposal.path.name}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _say(text: Any) -> None:
    sys.stdout.write("".join(sign if sign.isprintable() else "?" for sign in str(text)) + "\n")
