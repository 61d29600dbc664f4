"""Taking over registered models of another registry: names, numbers, aliases and times stay; each version is signed here, as taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flyball.core.canonical import digest
from flyball.core.duration import EPOCH, MICROSECOND
from flyball.core.ids import Digest, RunId
from flyball.registry import names
from flyball.registry.descent import edges_of
from flyball.registry.model import ModelVersion
from flyball.registry.parts import RegistryParts, Teller, milliseconds
from flyball.registry.registered import Origin, RegisteredVersion, Stage, VersionFile
from flyball.registry.statement import files_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedVersion:
    """A version as its former registry told it, with its files as they are kept here; times are milliseconds since 1970 UTC."""

    number: int
    source: str
    files: Sequence[VersionFile]
    principal: str
    may_run_code: bool = False
    run: str | None = None
    model: str | None = None
    description: str = ""
    stage: Stage = Stage.NONE
    created_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)


class ModelAdoption:
    """Each method is one transaction, and changes nothing of what is here already. Thread-safe."""

    def __init__(self, parts: RegistryParts, *, actor: str) -> None:
        self._parts, self._teller = parts, Teller(parts, actor)

    def put_model(self, name: str, *, description: str, tags: Mapping[str, str], created_ms: int) -> None:
        """The model is here; `model.created` where it is new.

        Raises:
            InvalidError: a name may be no model's here.
        """
        name, kept = names.model_name(name), dict(names.tag(key, value) for key, value in tags.items())
        with self._parts.transactions.write():
            if self._parts.models.find(name) is None:
                self._parts.models.create(name, description=names.described(description), tags=kept, now_ms=created_ms)
                self._teller.of_model("model.created", name, facts={"imported": True})

    def put_version(self, name: str, found: AdoptedVersion) -> bool:
        """Whether the version is here under its number: now, or from before with the same files; `version.registered` where it is new."""
        content = files_digest(found.files)
        with self._parts.transactions.write():
            here = self._parts.models.find_version(name, found.number)
            if here is not None:
                return here.made.digest == content
            made = ModelVersion(
                model=name, number=found.number, digest=content, run=RunId(found.run or ""), training_digest=Digest(""),
                feature_fingerprint=Digest(""), code_version="", environment=Digest(""),
                created=EPOCH + 1000 * found.created_ms * MICROSECOND,
            )  # fmt: skip
            origin = Origin(
                source=found.source, logged_model=found.model, principal=found.principal, may_run_code=found.may_run_code
            )  # fmt: skip
            tags = dict(names.version_tag(key, value) for key, value in found.tags.items())
            told = names.described(found.description)
            asked = RegisteredVersion(made=made, origin=origin, updated_ms=0, description=told, own_tags=tags)
            kept = self._parts.models.create_version(asked, found.files)
            self._parts.lineage.create(*edges_of(made, origin))
            states = {"tags": {key: digest(value) for key, value in tags.items()}, "description": digest(told)}
            facts = {"run": found.run or "", "digest": content, "source": found.source[:500], "created_ms": found.created_ms, **states}
            event = self._teller.of_version("version.registered", name, number=found.number, facts=facts)
            if found.stage is not Stage.NONE:
                event = self._teller.of_version("version.stage-set", name, number=found.number, facts={"stage": found.stage.value})
            self._parts.models.set_version(replace(kept, stage=found.stage, updated_ms=milliseconds(event)))
        return True

    def count(self, name: str) -> int | None:
        """How many versions the model has; None where there is no such model."""
        return None if self._parts.models.find(name) is None else len(self._parts.models.list_versions(name))

    def put_aliases(self, name: str, aliases: Mapping[str, int]) -> None:
        """Each alias that the model has not yet points to its version, as far as that is here; `alias.set` for each."""
        with self._parts.transactions.write():
            model = self._parts.models.find(name)
            if model is None or model.managed_by is not None:  # a project's own releases move its aliases
                return
            for alias, number in aliases.items():
                if alias not in model.aliases and self._parts.models.find_version(name, number) is not None:
                    self._parts.models.set_alias(name, alias, number=number)
                    self._teller.of_version("alias.set", name, number=number, facts={"alias": alias, "imported": True})
