"""What goes wrong with artifacts.

::

    InvalidError ── ArtifactPathError, ArtifactSourceError, ArtifactTooLargeError, UploadPartsError
    NotFoundError ── ArtifactNotFoundError, ArtifactOwnerNotFoundError, UploadNotFoundError
    ConflictError ── ArtifactOwnerDeletedError, ArtifactPlaceTakenError, TooManyUploadsError
"""

from __future__ import annotations

from flyball.core.errors import ConflictError, InvalidError, NotFoundError


class ArtifactPathError(InvalidError):
    """Not a path of an artifact, and so never looked up."""

    code = "artifact-path"

    def __init__(self, path: str, reason: str) -> None:
        shown = ascii(path if len(path) <= 80 else path[:80] + "…")
        super().__init__(f"Invalid artifact path {shown}: {reason}. Write names with '/' between them, as in 'model/weights.bin'.")
        self.reason = reason


class ArtifactSourceError(InvalidError):
    """A source that this server keeps nothing under."""

    code = "artifact-source"

    def __init__(self, source: str) -> None:
        shown = ascii(source if len(source) <= 80 else source[:80] + "…")
        super().__init__(
            f"Invalid model source {shown}: it must lie among the artifacts of a run or a logged model of this server. "
            "Write runs:/RUN/PATH, models:/MODEL_ID or mlflow-artifacts:/EXPERIMENT/RUN/artifacts/PATH."
        )


class ArtifactTooLargeError(InvalidError):
    """More bytes than one file, or one part of one, may have."""

    code = "artifact-too-large"

    def __init__(self, path: str, *, limit_bytes: int) -> None:
        super().__init__(f"The artifact {path!r} has more than the {limit_bytes:,} bytes that one request may bring. Nothing was stored.")
        self.limit_bytes = limit_bytes


class UploadPartsError(InvalidError):
    """The parts that should make up a file are not those that came."""

    code = "upload-parts"

    def __init__(self, upload: str, reason: str) -> None:
        super().__init__(f"The upload {upload} cannot be completed: {reason}. Send that part again, or abort the upload.")


class ArtifactNotFoundError(NotFoundError):
    """Nothing was uploaded there."""

    code = "artifact-not-found"

    def __init__(self, owner: str, path: str) -> None:
        super().__init__(f"There is no artifact {path!r} in {owner}. List them with `MlflowClient().list_artifacts`.")


class ArtifactOwnerNotFoundError(NotFoundError):
    """Artifacts belong to a run or a logged model, and there is none."""

    code = "artifact-owner-not-found"

    def __init__(self, owner: str, experiment: str | None = None) -> None:
        where = "" if experiment is None else f" in the experiment {experiment}"
        super().__init__(f"There is no {owner}{where} that artifacts could belong to.")


class UploadNotFoundError(NotFoundError):
    """The upload was completed, aborted or has expired, or it is somebody else's."""

    code = "upload-not-found"

    def __init__(self, upload: str) -> None:
        super().__init__(f"There is no open upload {upload[:80]!a}: it was completed, aborted or has expired. Create a new one.")


class ArtifactOwnerDeletedError(ConflictError):
    """What is deleted takes no more artifacts."""

    code = "artifact-owner-deleted"

    def __init__(self, owner: str) -> None:
        super().__init__(f"The {owner}, or its experiment, is deleted and takes no artifacts. Restore it, or log to another run.")


class ArtifactPlaceTakenError(ConflictError):
    """A name is a file or a directory, not both."""

    code = "artifact-place-taken"

    def __init__(self, path: str, taken: str, *, is_dir: bool) -> None:
        kind = "directory" if is_dir else "file"
        super().__init__(f"The artifact {path!r} cannot be stored: {taken!r} is a {kind} already. Choose another name.")


class TooManyUploadsError(ConflictError):
    """As many uploads are open as may be."""

    code = "too-many-uploads"

    def __init__(self, owner: str, limit: int) -> None:
        super().__init__(
            f"The {owner} has {limit} open uploads already. Complete or abort some; those that were left expire by themselves."
        )
