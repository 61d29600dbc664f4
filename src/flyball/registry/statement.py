"""What a signature says: canonical statements of a version and of its evidence, as text that is equal where the facts are.

A statement is made of the very facts that are stored, so it can be made again from them: one byte that differs is another statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.core.canonical import canonical, digest
from flyball.core.ids import Digest
from flyball.registry.evidence import Evidence
from flyball.registry.model import ModelVersion
from flyball.registry.registered import Origin, VersionFile

VERSION_KIND, EVIDENCE_KIND = "flyball.version/1", "flyball.evidence/1"


def files_digest(files: Sequence[VersionFile]) -> Digest:
    """The digest of a version that consists of `files`: of their paths, contents and sizes, in the order of their paths.

    >>> files_digest([]) == digest([])
    True
    """
    return digest([[file.path, file.digest, file.size_bytes] for file in sorted(files, key=lambda file: file.path)])


def version_facts(
    made: ModelVersion, origin: Origin, *, files: Sequence[VersionFile], model_id: int, datasets: Mapping[str, str | None]
) -> dict[str, Any]:
    """What is stated of a version; `datasets` are the digests of the dataset versions that it was trained on, by name.

    `model` is the name at the time: a model may be renamed, and then its events tell how. `model_id` never changes.
    """
    return {
        "kind": VERSION_KIND,
        "model": made.model,
        "model_id": model_id,
        "number": made.number,
        "digest": made.digest,
        "files": [[file.path, file.digest, file.size_bytes, file.uploader, file.may_run_code] for file in files],
        "run": made.run,
        "data_versions": {name: [number, datasets.get(name)] for name, number in made.data_versions.items()},
        "training_digest": made.training_digest,
        "environment": made.environment,
        "code_version": made.code_version,
        "feature_fingerprint": made.feature_fingerprint,
        "created": made.created,
        "cause": made.cause,
        "source": origin.source,
        "logged_model": origin.logged_model,
        "run_link": origin.run_link,
        "principal": origin.principal,
        "may_run_code": origin.may_run_code,
        "datasets": origin.datasets,
    }


def evidence_facts(evidence: Evidence, *, number: int, model_id: int) -> dict[str, Any]:
    """What is stated of a version's evidence."""
    return {"kind": EVIDENCE_KIND, "model_id": model_id, "number": number, "evidence": digest(evidence.to_json())}


def stated(facts: Mapping[str, Any], key: str) -> str:
    """The statement of `facts` as it is signed with the key of that id."""
    return canonical({**facts, "key": key})
