"""The serving plan: all that a model server must know to answer, as one value that fits into one file.

The control plane makes it from deployments and registry; a model server pulls it, keeps it on disk, and answers from it for as long
as it gets no newer one. It names blobs by digest and carries no code and no secret.
"""

from __future__ import annotations

import msgspec

from flyball.core.ids import Digest
from flyball.serving.logspec import PLAIN, LogPlan
from flyball.serving.policies import Policy
from flyball.serving.quotas import Quota


class InputColumn(msgspec.Struct, frozen=True):
    """A column that a model made elsewhere takes; `dtype` is Polars' name of its type."""

    name: str
    dtype: str
    required: bool = True


class Cost(msgspec.Struct, frozen=True):
    """What asking a version costs, as measured where it was converted: of one row alone, and of each row of `rows` at once."""

    call_seconds: float
    row_seconds: float
    rows: int


class VersionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A version that answers. `code` is the snapshot of the project's source that its features are compiled from.

    A version without a project has neither code nor features: a request's columns are what the model takes.
    """

    number: int
    model_digest: Digest
    task: str
    code: Digest | None = None
    project_file: str = ""  # the project file's name inside the snapshot
    features: Digest | None = None  # the fingerprint that the compiled features must have
    schemas: dict[str, dict[str, str]] = {}  # dataset -> column -> Polars' name of its type, as at the training
    inputs: tuple[InputColumn, ...] | None = None  # without a project: what a row must have; None is whatever comes
    may_run_code: bool = False  # whether who uploaded it might run code here; what a project trained may always
    samples: Digest | None = None  # rows with the scores that it gave them when it was made; a server that gets others refuses it
    cost: Cost | None = None  # None: not measured yet
    kept: str = ""  # why it is asked in its own form, where no other stood in for one that carries code

    @property
    def trusted(self) -> bool:
        """Whether code that the model carries may be run, apart."""
        return self.code is not None or self.may_run_code


class EndpointPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers at an endpoint. `revision` counts the deployment's transitions.

    A canary takes `share` of the keys, or of what the columns `sticky` say where there are any; `policy` shares the others, which are the
    champion's where there is none. Each of `shadows` is asked beside whoever answers, and answers nobody. `versions` are all that are
    held ready, those that answer among them.
    """

    endpoint: str
    model: str
    revision: int
    champion: int | None
    canary: int | None
    share: float
    versions: tuple[VersionPlan, ...]
    sticky: tuple[str, ...] = ()
    policy: Policy | None = None
    shadows: tuple[int, ...] = ()
    log: LogPlan = PLAIN
    quota: Quota | None = None

    @property
    def answering(self) -> tuple[int, ...]:
        """The numbers of the versions that may answer, the champion first."""
        named = (self.champion, self.canary, *(self.policy.versions if self.policy else ()))
        return tuple(dict.fromkeys(number for number in named if number is not None))

    @property
    def asked(self) -> tuple[int, ...]:
        """The numbers of the versions that are asked, those that answer first."""
        return tuple(dict.fromkeys((*self.answering, *self.shadows)))

    def get(self, version: int) -> VersionPlan:
        """The version of that number; one that is asked is always there."""
        return next(found for found in self.versions if found.number == version)


class ServingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All endpoints of one home; `revision` grows with every change of any of them."""

    revision: int
    endpoints: tuple[EndpointPlan, ...] = ()

    def encode(self) -> bytes:
        """The plan as JSON, equal bytes for equal plans."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> ServingPlan:
        """The plan that `encode` wrote.

        Raises:
            msgspec.DecodeError: it is something else.
        """
        return msgspec.json.decode(data, type=cls)
