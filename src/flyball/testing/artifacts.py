"""The laws of `ArtifactStore`."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from flyball.core.ids import Digest
from flyball.testing.suite import Suite
from flyball.tracking.artifact import ArtifactFile, Entry, Part, Root, RootKind, Upload
from flyball.tracking.artifacterrors import ArtifactPlaceTakenError
from flyball.tracking.artifactstore import ArtifactStore
from flyball.tracking.experiment import Lifecycle

RUN, OTHER = Root(RootKind.RUN, "0", "1" * 32), Root(RootKind.RUN, "0", "2" * 32)
MODEL = Root(RootKind.MODEL, "0", "m-" + "1" * 32)
DELETED_RUN = Root(RootKind.RUN, "0", "d" * 32)
OF_DELETED_EXPERIMENT = Root(RootKind.RUN, "1", "e" * 32)
_TREE = ("a", "b/c", "b/d/e", "b-", "b.txt", "b/é", "b0", "c/x/y/z", "日本/語")


def _file(path: str, content: str = "a", *, size: int = 1) -> ArtifactFile:
    return ArtifactFile(path=path, digest=Digest(content * 64), size=size, uploader="ann", may_run_code=False, uploaded_ms=1_700_000_000)


def _upload(number: int = 1, *, root: Root = RUN, expires_ms: int = 1000) -> Upload:
    return Upload(
        id=f"upload-{number}", root=root, path="model.bin", uploader="ann", may_run_code=True, secret_digest=Digest("5" * 64),
        expires_ms=expires_ms,
    )  # fmt: skip


class ArtifactStoreSuite(Suite):
    """A path is the file that was set last."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[ArtifactStore]:
        """A handle on the store at `place`, as another process would have it.

        There are the runs RUN and OTHER and the logged model MODEL of the experiment 0, the deleted run DELETED_RUN in it, and
        OF_DELETED_EXPERIMENT in the deleted experiment 1.
        """

    def test_what_was_set_is_what_is_found(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            for root in (RUN, MODEL):
                file = replace(_file("model/weights.bin", size=5 << 40), may_run_code=root is MODEL)
                store.set(root, file)
                assert other.find(root, "model/weights.bin") == file
                assert other.list(root) == [file]

    def test_the_last_one_counts(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for content in "abc":
                store.set(RUN, _file("x", content))
            assert store.find(RUN, "x") == _file("x", "c")
            assert len(store.list(RUN)) == 1

    def test_owners_do_not_mix(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for root, content in ((RUN, "a"), (OTHER, "b"), (MODEL, "c")):
                store.set(root, _file("x", content))
            store.delete(OTHER)
            assert [store.find(root, "x") for root in (RUN, OTHER, MODEL)] == [_file("x", "a"), None, _file("x", "c")]

    def test_directories_are_listed_by_name(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.list_entries(RUN) == []
            for path in _TREE:
                store.set(RUN, _file(path, size=len(path)))
            names = ("a", "b", "b-", "b.txt", "b0", "c", "日本")
            assert store.list_entries(RUN) == [
                Entry(name, name in {"b", "c", "日本"}, len(name) if name in _TREE else None) for name in names
            ]
            assert store.list_entries(RUN, "b") == [Entry("b/c", False, 3), Entry("b/d", True), Entry("b/é", False, 3)]
            assert store.list_entries(RUN, "c/x/y") == [Entry("c/x/y/z", False, 7)]
            assert store.list_entries(RUN, "a") == [Entry("a", False, 1)]
            assert store.list_entries(RUN, "b/") == store.list_entries(RUN, "none") == []

    def test_long_directories_are_listed_whole(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for number in range(450):
                store.set(RUN, _file(f"d/{number:04}" if number % 3 else f"d/{number:04}/deep/file"))
            found = store.list_entries(RUN, "d")
            assert [entry.path for entry in found] == [f"d/{number:04}" for number in range(450)]
            assert [entry.is_dir for entry in found] == [number % 3 == 0 for number in range(450)]

    def test_a_tree_is_listed_and_deleted_from_any_place(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for path in _TREE:
                store.set(RUN, _file(path))
            assert [file.path for file in store.list(RUN)] == sorted(_TREE)
            assert [file.path for file in store.list(RUN, "b")] == ["b/c", "b/d/e", "b/é"]
            assert store.delete(RUN, "b") == 3
            assert store.delete(RUN, "b") == 0
            assert store.delete(RUN, "a") == 1
            assert [file.path for file in store.list(RUN)] == sorted(set(_TREE) - {"a", "b/c", "b/d/e", "b/é"})
            assert store.delete(RUN) == len(_TREE) - 4
            assert store.list(RUN) == []

    def test_percent_and_underscore_are_no_patterns(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for path in ("a_b/x", "a%b/x", "aXb/x"):
                store.set(RUN, _file(path))
            assert [file.path for file in store.list(RUN, "a_b")] == ["a_b/x"]
            assert store.delete(RUN, "a%b") == 1
            assert len(store.list(RUN)) == 2

    def test_a_name_is_a_file_or_a_directory(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.set(RUN, _file("a/b/c"))
            for path in ("a", "a/b", "a/b/c/d", "a/b/c/d/e"):
                with pytest.raises(ArtifactPlaceTakenError):
                    store.set(RUN, _file(path))
            store.set(RUN, _file("a/b0"))
            store.set(RUN, _file("a/b.c"))
            assert [file.path for file in store.list(RUN)] == ["a/b.c", "a/b/c", "a/b0"]

    def test_owners_are_known(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.find_root(RootKind.RUN, RUN.id) == RUN
            assert store.find_root(RootKind.MODEL, MODEL.id) == MODEL
            assert store.find_root(RootKind.MODEL, RUN.id) is None
            assert [store.find_lifecycle(root) for root in (RUN, MODEL)] == [Lifecycle.ACTIVE] * 2
            assert [store.find_lifecycle(root) for root in (DELETED_RUN, OF_DELETED_EXPERIMENT)] == [Lifecycle.DELETED] * 2
            for root in (replace(RUN, experiment="1"), replace(RUN, id="0" * 32), replace(RUN, kind=RootKind.MODEL)):
                assert store.find_lifecycle(root) is None

    def test_an_upload_has_its_parts(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create_upload(_upload(root=MODEL))
            assert store.find_upload("upload-1") == _upload(root=MODEL)
            parts = [Part(number, Digest(str(number) * 64), number) for number in (3, 1, 2)]
            assert [store.set_part("upload-1", part) for part in (*parts, Part(2, Digest("f" * 64), 9))] == [True] * 4
            assert store.list_parts("upload-1") == [parts[1], Part(2, Digest("f" * 64), 9), parts[0]]
            assert store.delete_upload("upload-1")
            assert not store.delete_upload("upload-1")
            assert store.find_upload("upload-1") is None
            assert store.list_parts("upload-1") == []
            assert not store.set_part("upload-1", parts[0])

    def test_uploads_expire(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for number in (1, 2, 3):
                store.create_upload(_upload(number, expires_ms=number * 1000))
                store.set_part(f"upload-{number}", Part(1, Digest("a" * 64), 1))
            assert store.count_uploads(RUN, now_ms=1000) == 2
            assert store.count_uploads(OTHER, now_ms=0) == 0
            assert store.delete_expired_uploads(2000) == 2
            assert [store.find_upload(f"upload-{number}") is None for number in (1, 2, 3)] == [True, True, False]
            assert [len(store.list_parts(f"upload-{number}")) for number in (1, 2, 3)] == [0, 0, 1]
