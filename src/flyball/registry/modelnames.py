"""Registered models: their names, descriptions, tags and aliases. Each change and its event are one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from flyball.core.canonical import digest
from flyball.lineage import Edge
from flyball.registry import names
from flyball.registry.descent import version_reference
from flyball.registry.parts import RegistryParts, Teller, milliseconds
from flyball.registry.query import Query, facts_of, without_prompts
from flyball.registry.refusals import (
    AliasNotFoundError,
    DeployedVersionError,
    LatestVersionNotFoundError,
    ManagedAliasError,
    ManagedModelError,
    MaxResultsError,
    ModelExistsError,
    ModelNotFoundError,
    RegisteredVersionNotFoundError,
)
from flyball.registry.registered import MANAGED_ALIASES, RegisteredModel, RegisteredVersion
from flyball.registry.uses import FindUses, Use
from flyball.tracking.page import Page
from flyball.tracking.search import Kind, Order, decode_token, encode_token, fingerprint, parse_filter, parse_order

MOST_MODELS = 1000
T = TypeVar("T", RegisteredModel, RegisteredVersion)


class ModelNames:
    """Registered models by name. Thread-safe, each call on its own."""

    def __init__(self, parts: RegistryParts, *, actor: str = "system") -> None:
        self._parts, self._store = parts, parts.models
        self._teller = Teller(parts, actor)

    def create(self, name: str, *, description: str = "", tags: Mapping[str, str] | None = None) -> RegisteredModel:
        """A new model without versions: `model.created`.

        Raises:
            InvalidError: the name, the description or a tag may not be.
            ModelExistsError: the name is taken.
        """
        name, description = names.model_name(name), names.described(description)
        kept = dict(names.tag(key, value) for key, value in (tags or {}).items())
        with self._parts.transactions.write():
            if self._store.find(name) is not None:
                raise ModelExistsError(name)
            event = self._teller.of_model("model.created", name, facts={"tags": _digests(kept)})
            return self._store.create(name, description=description, tags=kept, now_ms=milliseconds(event))

    def get(self, name: str) -> RegisteredModel:
        """The model with its tags, aliases and the latest version of each stage.

        Raises:
            ModelNotFoundError: no model has the name.
        """
        found = self._store.find(names.model_name(name))
        if found is None:
            raise ModelNotFoundError(name)
        return found

    def rename(self, name: str, new_name: str) -> RegisteredModel:
        """The model and its versions under another name: `model.renamed`.

        Raises:
            ModelNotFoundError, ModelExistsError: there is no such model, or the new name is taken.
            ManagedModelError: a project names it.
        """
        new_name = names.model_name(new_name, parameter="new_name")
        with self._parts.transactions.write():
            model = self.get(name)
            _refuse_managed(model, deed="renamed")
            event = self._teller.of_model("model.renamed", new_name, facts={"id": model.id, "from": name, "to": new_name})
            now_ms = milliseconds(event)
            self._store.set(replace(model, name=new_name, updated_ms=now_ms))
            for version in self._store.list_versions(new_name):
                self._store.set_version(replace(version, updated_ms=now_ms))
                renamed = (version_reference(new_name, version.number), version_reference(name, version.number))
                self._parts.lineage.create(Edge(*renamed, "renamed-from"))
        return self.get(new_name)

    def update(self, name: str, description: str) -> RegisteredModel:
        """The model with another description: `model.updated`.

        Raises:
            ModelNotFoundError: no model has the name.
        """
        description = names.described(description)
        with self._parts.transactions.write():
            model = self.get(name)
            event = self._teller.of_model("model.updated", name, facts={"description": digest(description)})
            self._store.set(replace(model, description=description, updated_ms=milliseconds(event)))
        return self.get(name)

    def delete(self, name: str) -> None:
        """Nothing of the model and its versions is left but what happened: `model.deleted`. Their numbers are not given again.

        Raises:
            ModelNotFoundError: no model has the name.
            ManagedModelError: a project releases it.
            DeployedVersionError: somebody uses a version.
        """
        with self._parts.transactions.write():
            model = self.get(name)
            _refuse_managed(model, deed="deleted")
            versions = self._store.list_versions(name)
            uses = self._parts.uses()
            for version in versions:
                refuse_used(model, version, uses=uses)
            numbers = [version.number for version in versions]
            self._store.delete(name)
            self._teller.of_model("model.deleted", name, facts={"id": model.id, "versions": numbers})

    def search(
        self,
        *,
        filter: str = "",  # noqa: A002  MLflow's word
        order_by: Sequence[str] = (),
        max_results: int = 100,
        token: str | None = None,
    ) -> Page[RegisteredModel]:
        """The models that match the filter, in the asked order, then by name.

        Raises:
            InvalidError: filter, order, size or token is none.
        """
        query, search = asked(Kind.REGISTERED_MODEL, filter, order_by=order_by, size=sized(max_results, most=MOST_MODELS), token=token)
        return paged(self._store.search(query), query, search=search)

    def set_tag(self, name: str, key: str, *, value: str) -> None:
        """The model has the tag: `model.tag-set`.

        Raises:
            ModelNotFoundError: no model has the name.
        """
        key, value = names.tag(key, value)
        with self._parts.transactions.write():
            self.get(name)
            self._store.set_tag(name, key, value=value)
            self._teller.of_model("model.tag-set", name, facts={"key": key, "value": digest(value)})

    def delete_tag(self, name: str, key: str) -> None:
        """The model has no such tag: `model.tag-deleted`. Idempotent.

        Raises:
            ModelNotFoundError: no model has the name.
        """
        key, _ = names.tag(key)
        with self._parts.transactions.write():
            if key in self.get(name).tags:
                self._store.delete_tag(name, key)
                self._teller.of_model("model.tag-deleted", name, facts={"key": key})

    def set_alias(self, name: str, alias: str, *, number: int) -> None:
        """The alias names that version, and no other: `alias.set`.

        Raises:
            AliasNameError: it can be no alias.
            ModelNotFoundError, RegisteredVersionNotFoundError: there is no such version.
            ManagedAliasError: the model's releases move it.
        """
        alias = names.free_alias_name(alias)
        with self._parts.transactions.write():
            model = self.get(name)
            _refuse_alias(model, alias, number=number)
            self.get_version(name, number)
            self._store.set_alias(name, alias, number=number)
            before = model.aliases.get(alias)
            self._teller.of_version("alias.set", name, number=number, facts={"alias": alias, "before": before})

    def delete_alias(self, name: str, alias: str) -> None:
        """The alias names no version: `alias.deleted`. Idempotent.

        Raises:
            ModelNotFoundError: no model has the name.
            ManagedAliasError: the model's releases move it.
        """
        alias = names.alias_name(alias)
        with self._parts.transactions.write():
            model = self.get(name)
            _refuse_alias(model, alias)
            number = model.aliases.get(alias)
            if number is not None:
                self._store.delete_alias(name, alias)
                self._teller.of_version("alias.deleted", name, number=number, facts={"alias": alias})

    def get_by_alias(self, name: str, alias: str) -> RegisteredVersion:
        """The version that the alias names; "latest" is the highest.

        Raises:
            ModelNotFoundError, LatestVersionNotFoundError, AliasNotFoundError: there is none.
        """
        alias = names.alias_name(alias)
        model = self.get(name)
        if alias.lower() == names.LATEST:
            if not model.latest:
                raise LatestVersionNotFoundError(name)
            return model.latest[-1]
        number = model.aliases.get(alias)
        if number is None:
            raise AliasNotFoundError(alias)
        return self.get_version(name, number)

    def get_version(self, name: str, number: int) -> RegisteredVersion:
        """The version with all that is known of it.

        Raises:
            RegisteredVersionNotFoundError: there is none.
        """
        found = self._store.find_version(names.model_name(name), number)
        if found is None:
            raise RegisteredVersionNotFoundError(name, number)
        return found


def endpoint_of(managed_by: str) -> str:
    """The endpoint of ``environment/endpoint``."""
    return managed_by.partition("/")[2]


def refuse_used(model: RegisteredModel, version: RegisteredVersion, *, uses: FindUses) -> None:
    """A version that somebody uses stays.

    Raises:
        DeployedVersionError: somebody does.
    """
    found = list(uses(version.made))
    if model.managed_by is not None and not found:
        aliases = [alias for alias, number in model.aliases.items() if number == version.number and alias in MANAGED_ALIASES]
        found = [Use(f"the {alias} at endpoint '{endpoint_of(model.managed_by)}'", "release another version") for alias in aliases]
    if found:
        raise DeployedVersionError(model.name, version.number, uses=found)


def _refuse_managed(model: RegisteredModel, *, deed: str) -> None:
    if model.managed_by is not None:
        raise ManagedModelError(model.name, deed=deed, endpoint=endpoint_of(model.managed_by))


def _refuse_alias(model: RegisteredModel, alias: str, *, number: int | None = None) -> None:
    # A "Champion" beside the champion would be read for it; what stands so from before may still be taken away.
    read_as = alias if number is None else alias.casefold()
    if model.managed_by is not None and read_as in MANAGED_ALIASES:
        raise ManagedAliasError(model.name, alias, endpoint=endpoint_of(model.managed_by), number=number)


def _digests(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: digest(value) for key, value in tags.items()}


def sized(max_results: int, *, most: int) -> int:
    """The size of a page, if it is one.

    Raises:
        MaxResultsError: it is not.
    """
    if not 1 <= max_results <= most:
        raise MaxResultsError(max_results, limit=most)
    return max_results


def asked(kind: Kind, text: str, *, order_by: Sequence[str], size: int, token: str | None) -> tuple[Query, str]:
    """The query for one page, which looks for one row more to know whether there is another; and the search's fingerprint.

    Raises:
        InvalidError: filter, order or token is none.
    """
    parsed = parse_filter(text, of=kind)
    order = parse_order(order_by, of=kind)
    search = fingerprint(kind, parsed, order)
    clauses, prompts = without_prompts(parsed)
    after = decode_token(token, search=search, parts=len(order))
    return Query(clauses=clauses, order=order, limit=size + 1, after=after, prompts=prompts), search


def paged(found: Sequence[T], query: Query, *, search: str) -> Page[T]:
    """The page of what was found for `query`."""
    items = tuple(found[: query.limit - 1])
    more = len(found) == query.limit
    return Page(items=items, token=encode_token(_key(items[-1], query.order), search=search) if more else None)


def _key(item: RegisteredModel | RegisteredVersion, order: Iterable[Order]) -> list[str | int]:
    facts, _ = facts_of(item)
    return [facts[part.field.key] for part in order]
