"""The files of versions by the paths of artifacts, ``versions/ID/NUMBER/artifacts/…``: read like a run's, and never written."""

from __future__ import annotations

import re

from flyball.registry.modelstore import ModelStore
from flyball.registry.registered import VERSIONS, RegisteredVersion, VersionFile
from flyball.storage.blobs import BlobStore
from flyball.tracking.artifact import ArtifactFile, Entry
from flyball.tracking.artifacterrors import ArtifactNotFoundError, ArtifactPathError
from flyball.tracking.artifactpath import parse_directory

_PATH = re.compile(rf"{VERSIONS}/(?P<model>[0-9]{{1,18}})/(?P<number>[0-9]{{1,9}})/artifacts(?:/(?P<path>.*))?", re.ASCII | re.DOTALL)


def is_version_path(text: str) -> bool:
    """Whether an artifact's path lies among the files of versions; those of runs begin with a number."""
    return text.partition("/")[0] == VERSIONS


class VersionFiles:
    """What the rows of a version say, by path. Thread-safe."""

    def __init__(self, store: ModelStore, blobs: BlobStore) -> None:
        self._store, self._blobs = store, blobs

    def get(self, text: str) -> ArtifactFile:
        """The file at the path.

        Raises:
            ArtifactPathError: it is no path of a version's file.
            ArtifactNotFoundError: no file stands there.
        """
        version, path = self._parse(text)
        for file in self._store.list_files(version.name, version.number):
            if file.path == path:
                return self._artifact(file, version)
        raise ArtifactNotFoundError(_owner(version), path)

    def list(self, text: str) -> list[Entry]:
        """What the directory holds, ascending, by paths from the version's root; of a file: the file; nothing where nothing is.

        Raises:
            ArtifactPathError: it is no path of a version's files.
        """
        version, path = self._parse(text)
        below = f"{path}/" if path else ""
        found: dict[str, Entry] = {}
        for file in self._store.list_files(version.name, version.number):
            if file.path == path:
                return [Entry(file.path, is_dir=False, size=self._size(file))]
            if file.path.startswith(below):
                name, _, rest = file.path.removeprefix(below).partition("/")
                found[name] = Entry(below + name, is_dir=bool(rest), size=None if rest else self._size(file))
        return [found[name] for name in sorted(found)]

    def _parse(self, text: str) -> tuple[RegisteredVersion, str]:
        found = _PATH.fullmatch(text)
        if found is None:
            raise ArtifactPathError(text, f"it does not begin with {VERSIONS}/MODEL/NUMBER/artifacts")
        path = parse_directory(found["path"] or "")
        name = self._store.find_name(int(found["model"]))
        version = None if name is None else self._store.find_version(name, int(found["number"]))
        if version is None:
            raise ArtifactNotFoundError(f"version {found['number']} of the model {found['model']}", path)
        return version, path

    def _artifact(self, file: VersionFile, version: RegisteredVersion) -> ArtifactFile:
        return ArtifactFile(
            path=file.path,
            digest=file.digest,
            size=self._size(file),
            uploader=file.uploader,
            may_run_code=file.may_run_code,
            uploaded_ms=version.created_ms,
        )

    def _size(self, file: VersionFile) -> int:
        # A training registers its model by digest alone.
        return sum(map(len, self._blobs.read(file.digest))) if file.size_bytes is None else file.size_bytes


def _owner(version: RegisteredVersion) -> str:
    return f"version {version.number} of model {version.name!r}"
