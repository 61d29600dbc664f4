"""Contracts: what a dataset promises, and what came of it.

::

    compiled = compile_contract(dataset, contract)      # parses, proves and binds; the contract's own checks and the project file's
    compiled.contract.digest                            # changes with either; what a version records
    checked = compiled.judge(cells, place="a.csv", first_row=1, look=Look())    # per chunk: good | broken, with reasons
    tally = compiled.tally(context)                     # one per ingest; tallies merge
    tally.add_checked(checked); tally.add(accepted)     # what was set aside; what is taken once it is settled
    outcomes = compiled.finish(tally, context=context)  # context.rows: the rows again, for uniqueness, keys, aggregates in Python
    any(outcome.holds for outcome in outcomes)          # the version waits for a person
    encode_outcomes(outcomes)                           # the blob `DatasetVersion.results`

    check_scan(dataset, contract, scan=lazy_frame, context=context) -> Report        # a table as it lies, in one streaming pass
"""

from __future__ import annotations

from flyball.data.contracts.compiled import Compiled, compile_contract
from flyball.data.contracts.decoding import decode
from flyball.data.contracts.inferring import infer, times_in
from flyball.data.contracts.judging import Checked, Look
from flyball.data.contracts.model import Basis, Check, Column, Contract, declared_columns
from flyball.data.contracts.outcome import Context, Outcome, Report, decode_outcomes, encode_outcomes
from flyball.data.contracts.scan import check_scan
from flyball.data.contracts.tally import Tally

__all__ = [
    "Basis",
    "Check",
    "Checked",
    "Column",
    "Compiled",
    "Context",
    "Contract",
    "Look",
    "Outcome",
    "Report",
    "Tally",
    "check_scan",
    "compile_contract",
    "declared_columns",
    "decode",
    "decode_outcomes",
    "encode_outcomes",
    "infer",
    "times_in",
]
