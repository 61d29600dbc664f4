"""The laws of `ModelStore`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from flyball.core.ids import Digest, RunId
from flyball.registry.errors import VersionExistsError
from flyball.registry.model import ModelVersion
from flyball.registry.modelstore import ModelStore
from flyball.registry.query import IS_PROMPT, Query, facts_of, matches, without_prompts
from flyball.registry.refusals import ModelExistsError
from flyball.registry.registered import Origin, RegisteredModel, RegisteredVersion, Stage, VersionFile
from flyball.testing.suite import Suite
from flyball.tracking.search import Kind, parse_filter, parse_order

T = TypeVar("T", RegisteredModel, RegisteredVersion)
_NOON = datetime(2013, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
_NOON_MS = 1362139200000
_FILES = [
    VersionFile(path="MLmodel", digest=Digest("a" * 64), size_bytes=10, uploader="ann", may_run_code=True),
    VersionFile(path="data/é.bin", digest=Digest("b" * 64), size_bytes=5 << 40, uploader="bob"),
]
MODEL_FILTERS = (
    "", "name = 'b'", "name != 'b'", "name LIKE 'B%'", "name ILIKE 'b%'", "name IN ('a', 'B_b', 'nobody')", "name NOT IN ('a')",
    "name LIKE '%\\%'", "name LIKE '_'", "name ILIKE '%É%'", "tags.team = 'risk'", "tags.team != 'risk'", "tags.team LIKE 'R%'",
    "tags.team ILIKE 'R%' AND name != 'a'", "tags.team = 'risk' AND tags.other = 'x'", f"tags.`{IS_PROMPT}` = 'true'",
    f"tags.`{IS_PROMPT}` != 'true' AND tags.team = 'risk'",
)  # fmt: skip
VERSION_FILTERS = (
    "", "name = 'b'", "run_id = 'run-1'", "run_id IN ('run-1', 'run-2')", "version_number > 1", "version_number <= 1 AND name ILIKE 'B%'",
    "source_path LIKE 'models:/m-%'", "tags.team = 'risk'", "version_number = '2'",
)  # fmt: skip
MODEL_ORDERS: tuple[list[str], ...] = ([], ["name DESC"], ["last_updated_timestamp DESC"], ["creation_timestamp ASC", "name DESC"])
VERSION_ORDERS: tuple[list[str], ...] = (
    [],
    ["name ASC", "version_number DESC"],
    ["version_number ASC"],
    ["creation_timestamp DESC"],
    ["last_updated_timestamp"],
)


def _version(number: int, *, name: str = "late", run: str = "run-1", minute: int = 0) -> RegisteredVersion:
    made = ModelVersion(
        model=name, number=number, digest=Digest("d" * 64), run=RunId(run), training_digest=Digest(""), feature_fingerprint=Digest(""),
        code_version="git:abc", environment=Digest("3" * 64), created=_NOON + timedelta(minutes=minute),
    )  # fmt: skip
    origin = Origin(
        source=f"models:/m-{number}", logged_model="m-1", run_link="https://x", principal="ann", may_run_code=True, datasets=(("d", "1"),)
    )
    return RegisteredVersion(made=made, origin=origin, updated_ms=0, description="text", own_tags={"team": "risk"})


class ModelStoreSuite(Suite):
    """What was created is found as it was, and a number that was given is not given again."""

    @abstractmethod
    def open(self, place: Path) -> AbstractContextManager[ModelStore]:
        """A handle on the store at `place`, as another process would have it."""

    def test_a_model_is_found_as_it_was_created(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            made = store.create("late", description="é", tags={"b": "2", "a": ""}, now_ms=_NOON_MS)
            assert other.find("late") == made
            assert (made.name, made.description, dict(made.tags), made.created_ms, made.updated_ms) == (
                "late", "é", {"a": "", "b": "2"}, _NOON_MS, _NOON_MS,
            )  # fmt: skip
            assert other.find_name(made.id) == "late"
            assert (other.find("Late"), other.find_name(made.id + 1)) == (None, None)

    def test_a_name_is_of_one_model(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            made = store.create("late", description="", tags={}, now_ms=1)
            other = store.create("early", description="", tags={}, now_ms=1)
            with pytest.raises(ModelExistsError, match="late"):
                store.create("late", description="", tags={}, now_ms=2)
            with pytest.raises(ModelExistsError, match="late"):
                store.set(replace(other, name="late"))
            assert (store.find("late"), store.find("early")) == (made, other)

    def test_a_version_is_found_as_it_was_created_with_its_files(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store, self.open(tmp_path) as other:
            model = store.create("late", description="", tags={}, now_ms=1)
            made = store.create_version(_version(1), _FILES)
            assert other.find_version("late", 1) == made
            assert replace(made, updated_ms=0, model_id=0, seal=None) == _version(1)
            assert (made.updated_ms, made.model_id) == (_NOON_MS, model.id)
            assert other.list_files("late", 1) == _FILES
            assert list(other.list_blobs()) == [file.digest for file in _FILES]
            with pytest.raises(VersionExistsError):
                store.create_version(_version(1), [])

    def test_what_is_not_there_is_not_found_and_nothing_is_changed(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.set_tag("late", "a", value="1")
            store.set_alias("late", "best", number=1)
            store.set_version_tag("late", 1, key="a", value="1")
            store.delete("late")
            store.delete_version("late", 1)
            store.delete_alias("late", "best")
            assert (store.find("late"), store.find_version("late", 1), store.find_evidence_seal("late", 1)) == (None, None, None)
            assert (store.list_versions("late"), store.list_files("late", 1), list(store.list_blobs())) == ([], [], [])
            assert store.next_number("late") == 1

    def test_tags_and_aliases_have_the_last_value(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create("late", description="", tags={"a": "1"}, now_ms=1)
            for number in (1, 2):
                store.create_version(_version(number), [])
                store.set_alias("late", "best", number=number)
            store.set_tag("late", "a", value="2")
            store.set_version_tag("late", 1, key="team", value="other")
            store.delete_version_tag("late", 2, key="team")
            found = store.find("late")
            assert found is not None
            assert (dict(found.tags), dict(found.aliases)) == ({"a": "2"}, {"best": 2})
            assert [(dict(version.own_tags), version.aliases) for version in store.list_versions("late")] == [
                ({"team": "other"}, ()), ({}, ("best",)),
            ]  # fmt: skip
            store.delete_tag("late", "a")
            store.delete_alias("late", "best")
            assert replace(found, tags={}, aliases={}, latest=()) == replace(store.find("late") or found, latest=())

    def test_versions_are_found_by_a_file_that_they_have(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for name in ("late", "early"):
                store.create(name, description="", tags={}, now_ms=1)
                for number in (2, 1):
                    store.create_version(_version(number, name=name), _FILES if number == 2 or name == "late" else [])
            path, digest = _FILES[0].path, _FILES[0].digest
            assert store.list_having(path) == [("early", 2, digest), ("late", 1, digest), ("late", 2, digest)]
            assert store.list_having("none") == []

    def test_only_description_stage_and_time_of_a_version_change(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create("late", description="", tags={}, now_ms=1)
            made = store.create_version(_version(1), _FILES)
            other = replace(made, made=replace(made.made, digest=Digest("0" * 64)), origin=replace(made.origin, principal="eve"))
            store.set_version(replace(other, description="new", stage=Stage.STAGING, updated_ms=7))
            assert store.find_version("late", 1) == replace(made, description="new", stage=Stage.STAGING, updated_ms=7)

    def test_the_latest_of_each_stage_is_the_highest(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.create("late", description="", tags={}, now_ms=1)
            for number, stage in ((1, Stage.STAGING), (2, Stage.NONE), (10, Stage.STAGING), (3, Stage.ARCHIVED)):
                store.set_version(replace(store.create_version(_version(number), []), stage=stage))
            found = store.find("late")
            assert found is not None
            assert [(version.number, version.stage) for version in found.latest] == [
                (2, Stage.NONE), (3, Stage.ARCHIVED), (10, Stage.STAGING),
            ]  # fmt: skip

    def test_a_renamed_model_has_its_versions_with_it(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            model = store.create("late", description="", tags={}, now_ms=1)
            made = store.create_version(_version(1), _FILES)
            store.set(replace(model, name="early", description="d", managed_by="production/early", updated_ms=9))
            found = store.find("early")
            assert found is not None
            assert (found.id, found.description, found.managed_by, found.updated_ms) == (model.id, "d", "production/early", 9)
            assert store.find_version("early", 1) == replace(made, made=replace(made.made, model="early"))
            assert (store.find("late"), store.list_files("early", 1)) == (None, _FILES)

    def test_numbers_outlive_versions_and_models(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for _ in range(2):
                store.create("late", description="", tags={}, now_ms=1)
                number = store.next_number("late")
                store.create_version(_version(number), _FILES)
                store.set_version_tag("late", number, key="a", value="1")
                store.set_alias("late", "best", number=number)
                store.delete_version("late", number)
                assert store.next_number("late") == number + 1
                store.delete("late")
            assert (store.next_number("late"), list(store.list_blobs())) == (3, [])

    def test_no_name_and_number_mean_two_versions(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for name in ("gone", "late"):
                store.create(name, description="", tags={}, now_ms=1)
                store.create_version(_version(1, name=name), [])
            store.delete("gone")
            model = store.find("late")
            assert model is not None
            with pytest.raises(ModelExistsError, match="gone"):
                store.set(replace(model, name="gone"))
            store.set(replace(model, name="back"))
            store.set(replace(model, name="late"))

    def test_of_many_that_make_a_version_each_gets_a_number_or_an_error(self, tmp_path: Path) -> None:
        def make(_: int) -> bool:
            with self.open(tmp_path) as own:
                try:
                    own.create_version(_version(own.next_number("late")), [])
                except VersionExistsError:
                    return False
                return True

        with self.open(tmp_path) as store, ThreadPoolExecutor(4) as pool:
            store.create("late", description="", tags={}, now_ms=1)
            made = sum(pool.map(make, range(8)))
            assert [version.number for version in store.list_versions("late")] == list(range(1, made + 1))

    def test_models_are_searched_as_the_filter_means(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for place, (name, tags) in enumerate(_models().items()):
                store.create(name, description="", tags=tags, now_ms=1000 - place // 2)
            every = [found for name in _models() if (found := store.find(name)) is not None]
            for text in MODEL_FILTERS:
                for order in MODEL_ORDERS:
                    query = _query(Kind.REGISTERED_MODEL, text, order=order)
                    expected = [_named(item) for item in _naive(every, query)]
                    assert [_named(item) for item in store.search(query)] == expected, (text, order)
                    assert _walked(store.search, query) == expected, (text, order)

    def test_versions_are_searched_as_the_filter_means(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            for place, name in enumerate(("a", "b", "B_b")):
                store.create(name, description="", tags={}, now_ms=1)
                for number in (1, 2, 3):
                    made = _version(number, name=name, run=f"run-{number}", minute=number // 2)
                    store.create_version(replace(made, own_tags={"team": "risk"} if number == place else {}), [])
            every = [version for name in ("a", "b", "B_b") for version in store.list_versions(name)]
            for text in VERSION_FILTERS:
                for order in VERSION_ORDERS:
                    query = _query(Kind.MODEL_VERSION, text, order=order)
                    expected = [_named(item) for item in _naive(every, query)]
                    assert [_named(item) for item in store.search_versions(query)] == expected, (text, order)
                    assert _walked(store.search_versions, query) == expected, (text, order)


def _models() -> dict[str, dict[str, str]]:
    return {
        "a": {"team": "risk"}, "b": {"team": "Risk", "other": "x"}, "B_b": {"team": "risk", "other": "x"}, "c%": {}, "c\\%": {"other": "x"},
        "É": {"team": "sales"}, "prompt": {IS_PROMPT: "true", "team": "risk"}, "bb": {IS_PROMPT: "false"},
    }  # fmt: skip


def _query(kind: Kind, text: str, *, order: Sequence[str]) -> Query:
    clauses, prompts = without_prompts(parse_filter(text, of=kind))
    return Query(clauses=clauses, order=parse_order(order, of=kind), limit=100, prompts=prompts)


def _naive(items: Sequence[T], query: Query) -> list[T]:
    """What the query means, one row after the other."""
    kept = []
    for item in items:
        facts, tags = facts_of(item)
        if (tags.get(IS_PROMPT) == "true") is query.prompts and all(matches(clause, facts, tags=tags) for clause in query.clauses):
            kept.append(item)
    for order in reversed(query.order):
        kept.sort(key=_by(order.field.key), reverse=not order.ascending)
    return kept


def _by(key: str) -> Callable[[RegisteredModel | RegisteredVersion], Any]:
    return lambda item: facts_of(item)[0][key]


def _walked(search: Callable[[Query], list[T]], query: Query) -> list[str]:
    """The names of all that is found by pages of two."""
    found: list[T] = []
    page = search(replace(query, limit=2))
    while page:
        found += page
        facts, _ = facts_of(page[-1])
        after = tuple(facts[order.field.key] for order in query.order)
        page = search(replace(query, limit=2, after=after))
    return [_named(item) for item in found]


def _named(item: RegisteredModel | RegisteredVersion) -> str:
    return item.name if isinstance(item, RegisteredModel) else f"{item.name}{item.number}"
