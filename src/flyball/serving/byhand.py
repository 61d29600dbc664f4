"""Versions that were registered by hand, made ready to be served without a project: which one is meant, and the plan that names it.

The version's files are packed as one model of ours by what they are, never by what they say of themselves, and kept by digest; so the
model server, which knows no registry, loads what was checked here and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from flyball.core.errors import IntegrityError, InvalidError
from flyball.core.ids import Digest
from flyball.runtimes.mlmodel import MLMODEL
from flyball.runtimes.model import Files
from flyball.runtimes.packing import Packed, pack
from flyball.serving.plan import Cost, EndpointPlan, InputColumn, ServingPlan, VersionPlan

_REFERENCE = re.compile(r"models:/(?P<name>[^/:@]+)(?:/(?P<version>[^/@]+)|@(?P<alias>[\w.-]+))")
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
LONGEST_ENDPOINT = 100
LATEST = "latest"
MOST_BYTES = 4 << 30


class ModelReferenceError(InvalidError):
    """A text that names no version of a model."""

    code = "model-reference"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:200]!r} names no version. Write models:/NAME/VERSION, models:/NAME@ALIAS or models:/NAME/latest.")


class ModelTooLargeError(InvalidError):
    """A model of more bytes than are read at once."""

    code = "model-too-large"

    def __init__(self, name: str, number: int, *, size: int) -> None:
        super().__init__(f"Version {number} of {name!r} has {size / 1e9:,.1f} GB; a model of at most {MOST_BYTES / 1e9:,.1f} GB is served.")


class EndpointTakenError(InvalidError):
    """Two models would answer at one endpoint."""

    code = "endpoint-taken"

    def __init__(self, endpoint: str) -> None:
        super().__init__(f"Two of the models would answer at endpoint {endpoint!r}. Serve them by two commands, with a --port each.")


class RefusedVersionError(InvalidError):
    """A version that may not or cannot be loaded, as was found when it was registered."""

    code = "version-refused"

    def __init__(self, name: str, number: int, *, reason: str) -> None:
        super().__init__(f"Version {number} of {name!r} is not served: {reason.rstrip('.')}.")


class ProjectVersionError(InvalidError):
    """A version that a project trained, served without the project."""

    code = "project-version"

    def __init__(self, name: str, number: int) -> None:
        super().__init__(
            f"Version {number} of {name!r} was trained by a project and takes that project's features. `flyball up PROJECT.py` serves it; "
            "`flyball promote` and `flyball weights` say which version answers."
        )


class UnsealedError(IntegrityError):
    """A version that is not what was signed when it was made."""

    code = "version-unsealed"

    def __init__(self, name: str, number: int, *, reason: str) -> None:
        look = f"Look at it with `flyball verify models:/{name}/{number}`."
        super().__init__(f"Version {number} of {name!r} is not served: {reason.rstrip('.')}. {look}")


@dataclass(frozen=True, slots=True)
class ModelReference:
    """A version as a person names it: by `number`, by `alias`, or, where both are None, the latest."""

    name: str
    number: int | None = None
    alias: str | None = None

    @classmethod
    def parse(cls, text: str) -> ModelReference:
        """The version that ``models:/NAME/VERSION``, ``models:/NAME@ALIAS`` or ``models:/NAME/latest`` names.

        Raises:
            ModelReferenceError: it is none of these.
        """
        found = _REFERENCE.fullmatch(text)
        version = (found["version"] or LATEST) if found else ""
        if found is None or not (version.lower() == LATEST or (version.isascii() and version.isdigit() and len(version) < 10)):
            raise ModelReferenceError(text)
        return cls(found["name"], None if version.lower() == LATEST else int(version), found["alias"])

    def __str__(self) -> str:
        return f"models:/{self.name}" + (f"@{self.alias}" if self.alias else f"/{LATEST if self.number is None else self.number}")


class StoredFile(Protocol):
    """A file of a version: its path, its content by digest, and what its uploader was allowed."""

    @property
    def path(self) -> str: ...
    @property
    def digest(self) -> Digest: ...
    @property
    def size_bytes(self) -> int | None: ...
    @property
    def may_run_code(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class FoundVersion:
    """A version of the registry, checked; `converted` is the digest of its form without code, where it has been converted.

    `cost` is what asking it costs, where that was measured; `kept` says why it is asked in its own form, where another was looked for;
    `refused` why it cannot be asked at all.
    """

    name: str
    number: int
    files: Sequence[StoredFile]
    converted: Digest | None = None
    cost: Cost | None = None
    kept: str = ""
    refused: str = ""

    @property
    def may_run_code(self) -> bool:
        """Whether everybody who uploaded a part of it might run code here then."""
        return bool(self.files) and all(file.may_run_code for file in self.files)

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes or 0 for file in self.files)


class ContentStore(Protocol):
    """Content by digest, checked when it is read."""

    def get(self, digest: Digest) -> bytes: ...
    def put(self, data: bytes) -> Digest: ...


def read_files(version: FoundVersion, content: Callable[[Digest], bytes]) -> Files:
    """The version's files by path.

    Raises:
        ModelTooLargeError: they are more than is read at once.
    """
    if version.size_bytes > MOST_BYTES:
        raise ModelTooLargeError(version.name, version.number, size=version.size_bytes)
    return {file.path: content(file.digest) for file in version.files}


def packed_of(version: FoundVersion, content: ContentStore) -> Packed:
    """The version as one of our models: its converted form where there is one, else what its files are.

    Raises:
        FlyballError: as `version_plan`.
    """
    if version.converted is not None:
        return Packed.parse(content.get(version.converted))
    if not any(file.path == MLMODEL for file in version.files):
        raise ProjectVersionError(version.name, version.number)
    return pack(read_files(version, content.get), may_run_code=version.may_run_code)


def version_plan(version: FoundVersion, content: ContentStore, *, into: ContentStore) -> VersionPlan:
    """The plan of the version, whose files are read from `content`; what is to be loaded stands in `into` afterwards.

    A form without code that was converted and found to answer the same is taken before the original.

    Raises:
        RefusedVersionError: what looked at it before says that it cannot be asked.
        FlyballError: it is no model that can be served; see `packing.pack`.
    """
    if version.refused:
        raise RefusedVersionError(version.name, version.number, reason=version.refused)
    packed = packed_of(version, content)
    digest = into.put(packed.archived())
    inputs = None if packed.takes is None else tuple(InputColumn(column.name, column.dtype, column.required) for column in packed.takes)
    trusted = packed.manifest.carries_code and version.may_run_code
    return VersionPlan(
        number=version.number, model_digest=digest, task=packed.manifest.task, inputs=inputs, may_run_code=trusted, cost=version.cost,
        kept=version.kept,
    )  # fmt: skip


def serving_plan(found: Mapping[str, VersionPlan]) -> ServingPlan:
    """The plan of a server that answers with these versions, each at the endpoint of its model's name.

    Raises:
        EndpointTakenError: two names come to one endpoint.
    """
    endpoints: dict[str, EndpointPlan] = {}
    for name, version in found.items():
        endpoint = endpoint_of(name)
        if endpoint in endpoints:
            raise EndpointTakenError(endpoint)
        endpoints[endpoint] = EndpointPlan(
            endpoint=endpoint, model=name, revision=1, champion=version.number, canary=None, share=0.0, versions=(version,)
        )
    return ServingPlan(revision=1, endpoints=tuple(endpoints.values()))


def endpoint_of(name: str) -> str:
    """The endpoint of a model: its name, with a hyphen for what may not stand in the name of a table.

    >>> endpoint_of("churn (north)")
    'churn-north'
    """
    return _UNFIT.sub("-", name).strip("-.")[:LONGEST_ENDPOINT] or "model"
