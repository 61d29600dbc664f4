"""The store of artifacts: which path of whom is which content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from flyball.tracking.artifact import ArtifactFile, Entry, Part, Root, RootKind, Upload
from flyball.tracking.experiment import Lifecycle


class ArtifactStore(Protocol):
    """Rows of files, by owner and path; a path is a file or a directory, never both.

    Paths are ordered by code points. `path` "" is the root. What is at or below a path is the file itself, or all files of that directory.
    Joins the transaction that is open in its thread. Thread-safe.
    """

    def find_root(self, kind: RootKind, owner: str) -> Root | None:
        """The root of the run or logged model with this id; None where there is none."""
        ...

    def find_lifecycle(self, root: Root) -> Lifecycle | None:
        """Whether the owner is active; deleted where its experiment is; None where that experiment has no such owner."""
        ...

    def set(self, root: Root, file: ArtifactFile) -> None:
        """The path is that file, whichever it was before.

        Raises:
            ArtifactPlaceTakenError: it is a directory, or lies below a file. Nothing was changed.
        """
        ...

    def find(self, root: Root, path: str) -> ArtifactFile | None:
        """The file of exactly that path."""
        ...

    def list(self, root: Root, path: str = "") -> Sequence[ArtifactFile]:
        """All files at or below the path, ascending."""
        ...

    def list_entries(self, root: Root, path: str = "") -> Sequence[Entry]:
        """The names in that directory, ascending; of a file: the file."""
        ...

    def delete(self, root: Root, path: str = "") -> int:
        """Nothing is at or below the path; how many files were."""
        ...

    def create_upload(self, upload: Upload) -> None:
        """The upload is open."""
        ...

    def find_upload(self, upload: str) -> Upload | None:
        """The upload of that id, expired or not."""
        ...

    def count_uploads(self, root: Root, *, now_ms: int) -> int:
        """How many uploads of the root are open and have not expired."""
        ...

    def set_part(self, upload: str, part: Part) -> bool:
        """The upload has that part, instead of one with the same number; False where there is no such upload (any more)."""
        ...

    def list_parts(self, upload: str) -> Sequence[Part]:
        """The parts that have come, ascending by number."""
        ...

    def delete_upload(self, upload: str) -> bool:
        """The upload and its parts are gone; whether they were there."""
        ...

    def delete_expired_uploads(self, now_ms: int) -> int:
        """Uploads that have expired are gone, with their parts; how many were."""
        ...
