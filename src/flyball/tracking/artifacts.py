"""The use cases of artifacts: bring, list, give and delete the files of runs and logged models. It knows no door and no protocol.

A door parses a path by `Root.parse`, and calls. Content goes to the blob store by its digest while it arrives; the row that makes it an
artifact is written when all of it is there, so that an upload that breaks off has left nothing.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from flyball.core.canonical import digest_bytes
from flyball.core.clock import Clock
from flyball.core.duration import microseconds
from flyball.core.ids import Digest, Ids
from flyball.storage.blobs import BlobStore
from flyball.storage.errors import BlobTooLargeError
from flyball.storage.transactions import Transactions
from flyball.tracking.artifact import (
    ArtifactFile,
    ArtifactLimits,
    Entry,
    Etags,
    Manifest,
    Part,
    Root,
    RootKind,
    Upload,
    Uploader,
    parse_source,
)
from flyball.tracking.artifacterrors import (
    ArtifactNotFoundError,
    ArtifactOwnerDeletedError,
    ArtifactOwnerNotFoundError,
    ArtifactTooLargeError,
    TooManyUploadsError,
    UploadNotFoundError,
    UploadPartsError,
)
from flyball.tracking.artifactpath import parse_directory, parse_path
from flyball.tracking.artifactstore import ArtifactStore
from flyball.tracking.experiment import Lifecycle

__all__ = ["ArtifactFile", "ArtifactLimits", "Artifacts", "Entry", "Manifest", "Part", "Root", "RootKind", "Upload", "Uploader"]


class Artifacts:
    """A path of a run or logged model is that content which was uploaded there last, whole.

    Every method takes paths as they came, and raises ArtifactPathError for what is none; ArtifactOwnerNotFoundError where the experiment
    has no such run or logged model. What writes raises ArtifactOwnerDeletedError where that is deleted. Thread-safe.
    """

    def __init__(
        self,
        store: ArtifactStore,
        blobs: BlobStore,
        *,
        transactions: Transactions,
        clock: Clock,
        ids: Ids,
        limits: ArtifactLimits | None = None,
    ) -> None:
        self._store, self._blobs = store, blobs
        self._transactions, self._clock, self._ids = transactions, clock, ids
        self.limits = limits or ArtifactLimits()

    # -- files

    def put(self, root: Root, path: str, *, chunks: Iterable[bytes], principal: Uploader) -> ArtifactFile:
        """What the chunks make up stands at the path, in place of what stood there.

        Raises:
            ArtifactTooLargeError: it is more than one request may bring.
            ArtifactPlaceTakenError: a directory stands there, or a file above it.
            Exception: whatever the chunks raised; nothing has changed.
        """
        path = parse_path(path)
        self._check_takes(root)
        digest, size = self._take(path, chunks, limit_bytes=self.limits.request_bytes)
        file = ArtifactFile(
            path=path,
            digest=digest,
            size=size,
            uploader=principal.principal,
            may_run_code=principal.may_run_code,
            uploaded_ms=self._now_ms(),
        )
        return self._set(root, file)

    def get(self, root: Root, path: str) -> ArtifactFile:
        """The file at the path.

        Raises:
            ArtifactNotFoundError: no file stands there.
        """
        path = parse_path(path)
        found = self._store.find(root, path) if self._lifecycle(root) else None
        if found is None:
            raise ArtifactNotFoundError(root.owner, path)
        return found

    def open(self, file: ArtifactFile, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The file's bytes [start, end), checked against its digest.

        Raises:
            BlobNotFoundError, BlobCorruptError: what is stored is not what was uploaded.
        """
        return self._blobs.read(file.digest, start=start, end=end)

    def list(self, root: Root, path: str = "") -> Sequence[Entry]:
        """What the directory holds, ascending; of a file: the file; nothing where nothing is."""
        path = parse_directory(path)
        self._lifecycle(root)
        return self._store.list_entries(root, path)

    def delete(self, root: Root, path: str = "") -> int:
        """Nothing is at or below the path; how many files were. Their content is freed by the next sweep."""
        path = parse_directory(path)
        with self._transactions.write():
            self._check_takes(root)
            return self._store.delete(root, path)

    def manifest(self, root: Root, path: str = "") -> Manifest:
        """All files at or below the path, named from there; a file alone has its own name.

        Raises:
            ArtifactNotFoundError: there is none.
        """
        path = parse_directory(path)
        self._lifecycle(root)
        found = self._store.list(root, path)
        if not found:
            raise ArtifactNotFoundError(root.owner, path)
        alone = len(found) == 1 and found[0].path == path
        cut = path.rfind("/") + 1 if alone else len(path) + 1 if path else 0
        return Manifest(tuple(replace(file, path=file.path[cut:]) for file in found))

    def locate(self, source: str) -> tuple[Root, str]:
        """The root and path that a model version's source names.

        Raises:
            ArtifactSourceError, ArtifactPathError: it lies elsewhere, or is no source.
            ArtifactOwnerNotFoundError: there is no such run or logged model (of that experiment).
        """
        kind, experiment, owner, path = parse_source(source)
        root = self._store.find_root(kind, owner)
        if root is None or experiment not in {None, root.experiment}:
            raise ArtifactOwnerNotFoundError(f"{kind} {owner!r}", experiment)
        return root, path

    # -- uploads in parts

    def create_upload(self, root: Root, path: str, *, principal: Uploader) -> tuple[Upload, str]:
        """An upload that parts can be sent to until it expires, and the secret that each of them must show.

        Raises:
            TooManyUploadsError: so many are open already.
        """
        path, secret = parse_path(path), os.urandom(32).hex()
        with self._transactions.write():
            self._check_takes(root)
            now = self._now_ms()
            if self._store.count_uploads(root, now_ms=now) >= self.limits.open_uploads:
                raise TooManyUploadsError(root.owner, self.limits.open_uploads)
            upload = Upload(
                id=self._ids.create("upload", str(root), path, secret),
                root=root,
                path=path,
                uploader=principal.principal,
                may_run_code=principal.may_run_code,
                secret_digest=digest_bytes(secret.encode()),
                expires_ms=now + self.limits.upload_ms,
            )
            self._store.create_upload(upload)
        return upload, secret

    def put_part(self, upload: str, number: int, *, chunks: Iterable[bytes], secret: str) -> Part:
        """The part of that number has come, in place of an earlier one; its digest is its ETag.

        Raises:
            UploadNotFoundError: there is no such upload, or the secret is not its own.
            UploadPartsError: the number is none.
            ArtifactTooLargeError: it is more than one request may bring, or the parts are together more than a file may have.
        """
        found = self._find_upload(upload)
        if not hmac.compare_digest(digest_bytes(secret.encode()), found.secret_digest):
            raise UploadNotFoundError(upload)
        if not 1 <= number <= self.limits.parts:
            raise UploadPartsError(upload, f"parts are numbered from 1 to {self.limits.parts:,}, not {number}")
        others = sum(part.size for part in self._store.list_parts(upload) if part.number != number)
        left = self.limits.upload_bytes - others
        digest, size = self._take(found.path, chunks, limit_bytes=min(self.limits.request_bytes, left))
        part = Part(number, digest, size)
        if not self._store.set_part(upload, part):
            raise UploadNotFoundError(upload)
        return part

    def complete_upload(self, upload: str, root: Root, *, etags: Etags, principal: Uploader) -> ArtifactFile:
        """The parts that `etags` name by number, one after the other, stand at the upload's path; the upload is gone.

        Raises:
            UploadNotFoundError: it is not open, is another owner's or somebody else's.
            UploadPartsError: a part is missing, is another one, or is not named; the upload stays open.
        """
        found = self._find_upload(upload)
        if found.root != root or found.uploader != principal.principal:
            raise UploadNotFoundError(upload)
        self._check_takes(root)
        parts = _checked(upload, self._store.list_parts(upload), etags=etags)
        digest, size = self._take(found.path, self._joined(parts), limit_bytes=self.limits.upload_bytes)
        file = ArtifactFile(
            path=found.path,
            digest=digest,
            size=size,
            uploader=found.uploader,
            may_run_code=found.may_run_code,
            uploaded_ms=self._now_ms(),
        )
        with self._transactions.write():
            if not self._store.delete_upload(upload):
                raise UploadNotFoundError(upload)
            return self._set(root, file)

    def abort_upload(self, upload: str, root: Root, *, principal: Uploader) -> None:
        """The upload is gone; idempotent.

        Raises:
            UploadNotFoundError: it is another owner's, or somebody else's.
        """
        found = self._store.find_upload(upload)
        if found is None:
            return
        if found.root != root or found.uploader != principal.principal:
            raise UploadNotFoundError(upload)
        self._store.delete_upload(upload)

    # --

    def _take(self, path: str, chunks: Iterable[bytes], *, limit_bytes: int) -> tuple[Digest, int]:
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                size += len(chunk)
                yield chunk

        try:
            return self._blobs.put_chunks(counted(), limit_bytes=limit_bytes), size
        except BlobTooLargeError as error:
            raise ArtifactTooLargeError(path, limit_bytes=limit_bytes) from error

    def _joined(self, parts: Iterable[Part]) -> Iterator[bytes]:
        for part in parts:
            yield from self._blobs.read(part.digest)

    def _set(self, root: Root, file: ArtifactFile) -> ArtifactFile:
        with self._transactions.write():
            self._check_takes(root)  # it may have been deleted while the content came
            self._store.set(root, file)
        return file

    def _find_upload(self, upload: str) -> Upload:
        found = self._store.find_upload(upload)
        if found is None or found.expires_ms <= self._now_ms():
            raise UploadNotFoundError(upload)
        return found

    def _lifecycle(self, root: Root) -> Lifecycle:
        found = self._store.find_lifecycle(root)
        if found is None:
            raise ArtifactOwnerNotFoundError(root.owner, root.experiment)
        return found

    def _check_takes(self, root: Root) -> None:
        if self._lifecycle(root) is Lifecycle.DELETED:
            raise ArtifactOwnerDeletedError(root.owner)

    def _now_ms(self) -> int:
        return microseconds(self._clock.now()) // 1000


def _checked(upload: str, parts: Sequence[Part], *, etags: Etags) -> Sequence[Part]:
    known = {part.number: part for part in parts}
    if sorted(etags) != list(range(1, len(etags) + 1)) or not etags:
        raise UploadPartsError(upload, "its parts are not numbered from 1 without a gap")
    for number, etag in sorted(etags.items()):
        if number not in known:
            raise UploadPartsError(upload, f"part {number} has not come")
        if etag.strip('"') != known[number].digest:
            raise UploadPartsError(upload, f"part {number} is not the one that is named")
    if len(known) > len(etags):
        raise UploadPartsError(upload, f"part {max(known)} came and is not named")
    return [known[number] for number in sorted(etags)]
