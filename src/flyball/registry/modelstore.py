"""The port of registered models: names, versions with their files, aliases and tags, as clients of MLflow know them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from flyball.core.ids import Digest
from flyball.registry.query import Query
from flyball.registry.registered import RegisteredModel, RegisteredVersion, Seal, VersionFile


class ModelStore(Protocol):
    """Keeps what `RegistryStore` keeps of versions, and all that belongs to them and to their models; both see the same versions.

    A version's facts, its origin and its files never change once it is created. Every method joins the transaction that is open in
    the calling thread, or is one of its own. Thread-safe. The store knows neither rules of names nor events: the service does.
    Methods that name a model or version which is not there change nothing; those that find return None or nothing.
    """

    def create(self, name: str, *, description: str, tags: Mapping[str, str], now_ms: int) -> RegisteredModel:
        """A new model without versions.

        Raises:
            ModelExistsError: the name is taken.
        """
        ...

    def find(self, name: str) -> RegisteredModel | None:
        """The model with its tags, aliases and the latest version of each stage."""
        ...

    def find_name(self, model_id: int) -> str | None:
        """The present name of the model with that id."""
        ...

    def set(self, model: RegisteredModel) -> None:
        """Replace name, description, `updated_ms` and `managed_by` of the model with its id; its versions go with it.

        Raises:
            ModelExistsError: another model has the name, or had it and a version of the same number.
        """
        ...

    def delete(self, name: str) -> None:
        """Nothing of the model is left, but for the highest number that was given under its name."""
        ...

    def set_tag(self, name: str, key: str, *, value: str) -> None:
        """The model has that tag."""
        ...

    def delete_tag(self, name: str, key: str) -> None:
        """The model has no such tag."""
        ...

    def set_alias(self, name: str, alias: str, *, number: int) -> None:
        """The alias names that version, and no other."""
        ...

    def delete_alias(self, name: str, alias: str) -> None:
        """The alias names no version."""
        ...

    def next_number(self, name: str) -> int:
        """As in `RegistryStore`."""
        ...

    def create_version(self, version: RegisteredVersion, files: Sequence[VersionFile]) -> RegisteredVersion:
        """A new version of an existing model, sealed where the store has a sealer; as it is found from now on.

        Raises:
            VersionExistsError: the number is taken.
        """
        ...

    def find_version(self, name: str, number: int) -> RegisteredVersion | None:
        """The version with its tags, aliases and seal."""
        ...

    def list_versions(self, name: str) -> list[RegisteredVersion]:
        """All versions of the model, by number."""
        ...

    def list_files(self, name: str, number: int) -> list[VersionFile]:
        """The version's files in the order in which they were created with it."""
        ...

    def list_having(self, path: str) -> list[tuple[str, int, Digest]]:
        """The versions that have a file of this path: the model's name, the number and the file's content, by name and number."""
        ...

    def set_version(self, version: RegisteredVersion) -> None:
        """Replace description, stage and `updated_ms`; all else of the version never changes here."""
        ...

    def delete_version(self, name: str, number: int) -> None:
        """Nothing of the version is left, nor of aliases that named it."""
        ...

    def set_version_tag(self, name: str, number: int, *, key: str, value: str) -> None:
        """The version has that tag."""
        ...

    def delete_version_tag(self, name: str, number: int, *, key: str) -> None:
        """The version has no such tag."""
        ...

    def find_evidence_seal(self, name: str, number: int) -> Seal | None:
        """The seal of the version's evidence."""
        ...

    def search(self, query: Query) -> list[RegisteredModel]:
        """The models that the query asks for, in its order; at most `limit`."""
        ...

    def search_versions(self, query: Query) -> list[RegisteredVersion]:
        """The versions that the query asks for, in its order; at most `limit`."""
        ...

    def list_blobs(self) -> Iterator[Digest]:
        """Every content that a version is made of, ascending and once: whoever frees blobs must leave these."""
        ...
