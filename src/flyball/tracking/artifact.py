"""Artifacts in MLflow's meaning: the files of a run or of a logged model, as rows over content. Pure values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from flyball.core.canonical import digest
from flyball.core.ids import Digest
from flyball.tracking.artifacterrors import ArtifactPathError, ArtifactSourceError
from flyball.tracking.artifactpath import parse_directory

_EXPERIMENT = re.compile(r"[0-9]{1,19}", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MODEL = re.compile(r"m-[0-9a-f]{32}")


class RootKind(StrEnum):
    """What artifacts belong to."""

    RUN = "run"
    MODEL = "model"


class Uploader(Protocol):
    """Who uploads: the stable name that records keep, and whether the server lets them run code at that time."""

    @property
    def principal(self) -> str: ...
    @property
    def may_run_code(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Root:
    """The directory of a run's or a logged model's artifacts; as text it is what stands in artifact URIs."""

    kind: RootKind
    experiment: str
    id: str

    def __str__(self) -> str:
        models = "models/" if self.kind is RootKind.MODEL else ""
        return f"{self.experiment}/{models}{self.id}/artifacts"

    @property
    def owner(self) -> str:
        """The owner in words."""
        return f"run {self.id!r}" if self.kind is RootKind.RUN else f"logged model {self.id!r}"

    @classmethod
    def parse(cls, text: str) -> tuple[Root, str]:
        """The root and the path in it, of ``EXP/RUN/artifacts/…`` or ``EXP/models/MODEL/artifacts/…``; "" is the root itself.

        Raises:
            ArtifactPathError: the text is neither, or its path is none.
        """
        names = text.split("/", 4)
        if len(names) > 3 and names[1] == "models":
            kind, pattern, owner, rest = RootKind.MODEL, _MODEL, names[2], names[3:]
        else:
            kind, pattern, owner, rest = RootKind.RUN, _RUN, names[1] if len(names) > 1 else "", text.split("/", 3)[2:]
        if not (_EXPERIMENT.fullmatch(names[0]) and pattern.fullmatch(owner) and owner != "models" and rest and rest[0] == "artifacts"):
            raise ArtifactPathError(text, "it does not begin with EXPERIMENT/RUN/artifacts or EXPERIMENT/models/MODEL/artifacts")
        return cls(kind, names[0], owner), _inside(rest[1:])


def _inside(rest: list[str]) -> str:
    return parse_directory(rest[0]) if rest else ""


def parse_source(source: str) -> tuple[RootKind, str | None, str, str]:
    """Kind, experiment (None where the source does not tell it), id and path of what a model version is made from.

    Known are ``runs:/RUN/PATH``, ``models:/MODEL_ID`` and ``mlflow-artifacts:/`` without a host; nothing else is ever looked up or fetched.

    Raises:
        ArtifactSourceError: it is another kind of source.
        ArtifactPathError: its path is none.
    """
    scheme, _, rest = source.partition(":/")
    owner, _, path = rest.partition("/")
    if scheme == "mlflow-artifacts":
        if rest.startswith("/"):
            raise ArtifactSourceError(source)
        root, inside = Root.parse(rest)
        return root.kind, root.experiment, root.id, inside
    if scheme == "runs" and _RUN.fullmatch(owner):
        return RootKind.RUN, None, owner, parse_directory(path)
    if scheme == "models" and _MODEL.fullmatch(owner):
        return RootKind.MODEL, None, owner, parse_directory(path)
    raise ArtifactSourceError(source)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFile:
    """One file: where it stands, what is in it, and who brought it. `may_run_code` is what the uploader was allowed at the upload."""

    path: str
    digest: Digest
    size: int
    uploader: str
    may_run_code: bool
    uploaded_ms: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of a directory's listing; `path` is from the root, `size` is None for a directory."""

    path: str
    is_dir: bool
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files below one place, ascending by path (from there); `digest` changes with every path and every byte of them."""

    files: tuple[ArtifactFile, ...]
    digest: Digest = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest([(file.path, file.digest, file.size) for file in self.files]))

    @property
    def may_run_code(self) -> bool:
        """Whether all who brought a file of it might run code."""
        return all(file.may_run_code for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that comes in parts; `secret_digest` is of the secret that its parts must show."""

    id: str
    root: Root
    path: str
    uploader: str
    may_run_code: bool
    secret_digest: Digest
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has come; its digest is its ETag."""

    number: int
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactLimits:
    """How much one request, one file in parts and one owner may have."""

    request_bytes: int = 5 << 30
    upload_bytes: int = 100 << 30
    parts: int = 10_000
    open_uploads: int = 100
    upload_ms: int = 24 * 3_600_000


Etags = Mapping[int, str]
