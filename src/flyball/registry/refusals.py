"""What registered models refuse, in the words that users of MLflow know; what MLflow does not know says what to do.

::

    NotFoundError ── ModelNotFoundError, RegisteredVersionNotFoundError, LatestVersionNotFoundError
    ConflictError ── ModelExistsError, ManagedAliasError, ManagedModelError, DeployedVersionError
    InvalidError ── NameError…: ModelNameError, TagError, AliasNameError, AliasNotFoundError, StageError, ArchiveStageError,
                    VersionNumberError, SourceError, LimitError
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from flyball.core.errors import ConflictError, InvalidError, NotFoundError
from flyball.registry.uses import Use


class ModelNotFoundError(NotFoundError):
    """No registered model has this name."""

    code = "model-not-found"

    def __init__(self, name: str) -> None:
        super().__init__(f"Registered Model with name={name} not found")
        self.name = name


class RegisteredVersionNotFoundError(NotFoundError):
    """The registered model has no such version, or it was deleted."""

    code = "version-not-found"

    def __init__(self, name: str, number: int) -> None:
        super().__init__(f"Model Version (name={name}, version={number}) not found")
        self.name, self.number = name, number


class LatestVersionNotFoundError(NotFoundError):
    """The registered model has no version yet."""

    code = "latest-version-not-found"

    def __init__(self, name: str) -> None:
        super().__init__(f"Latest version not found for model {name}.")


class ModelExistsError(ConflictError):
    """The name is taken."""

    code = "model-exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Registered Model (name={name}) already exists.")
        self.name = name


class ManagedAliasError(ConflictError):
    """The alias is moved by releases alone."""

    code = "managed-alias"

    def __init__(self, name: str, alias: str, *, endpoint: str, number: int | None = None) -> None:
        asked = f" --version {number}" if number is not None else ""
        super().__init__(
            f"Alias '{alias}' of model '{name}' says what its releases at endpoint '{endpoint}' have deployed, and moves with them alone. "
            f"Release a version with `flyball promote {endpoint}{asked}`, or go back with `flyball rollback {endpoint}`; "
            f"any other alias of the model moves freely."
        )
        self.name, self.alias, self.endpoint = name, alias, endpoint


class ManagedModelError(ConflictError):
    """The model belongs to a project, whose file names it."""

    code = "managed-model"

    def __init__(self, name: str, *, deed: str, endpoint: str) -> None:
        super().__init__(
            f"Model '{name}' cannot be {deed}: a project declares it and releases it at endpoint '{endpoint}'. "
            f"Change the project's file and run `flyball apply` instead."
        )


class DeployedVersionError(ConflictError):
    """The version answers, is about to, or is needed by what does."""

    code = "deployed-version"

    def __init__(self, name: str, number: int, *, uses: Sequence[Use]) -> None:
        roles = "; it is ".join(use.role for use in uses)
        remedies = "; ".join(dict.fromkeys(use.remedy for use in uses))
        super().__init__(f"Version {number} of model '{name}' is {roles}, and cannot be deleted. First {remedies}.")
        self.name, self.number, self.uses = name, number, tuple(uses)


class MissingValueError(InvalidError):
    """A required parameter is empty."""

    code = "missing-value"

    def __init__(self, parameter: str) -> None:
        super().__init__(f"Missing value for required parameter '{parameter}'.")


class ModelNameError(InvalidError):
    """Not a registered model's name."""

    code = "model-name"

    def __init__(self, name: str) -> None:
        super().__init__(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")


class BadPathError(InvalidError):
    """A name that would be another one if it were a path."""

    code = "bad-path"

    def __init__(self, parameter: str, name: str, *, resolved: str) -> None:
        super().__init__(
            f"Invalid value {json.dumps(name)} for parameter '{parameter}' supplied: Names may be treated as files in certain cases, "
            f"and must not resolve to other names when treated as such. This name would resolve to {resolved!r}"
        )


class BadCharacterError(InvalidError):
    """A key with characters that no key has."""

    code = "bad-character"

    def __init__(self, parameter: str, name: str) -> None:
        super().__init__(
            f"Invalid value {json.dumps(name)} for parameter '{parameter}' supplied: Names may only contain alphanumerics, "
            f"underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )


class TooLongError(InvalidError):
    """More characters than are kept."""

    code = "too-long"

    def __init__(self, parameter: str, limit: int) -> None:
        super().__init__(f"'{parameter}' exceeds the maximum length of {limit} characters")


class ReservedTagError(InvalidError):
    """A tag that Flyball itself writes."""

    code = "reserved-tag"

    def __init__(self, key: str) -> None:
        super().__init__(f"The tag '{key}' cannot be set or deleted: tags of versions that begin with 'flyball.' are what Flyball says.")


class AliasNameError(InvalidError):
    """Not an alias; the sentence says why."""

    code = "alias-name"

    @classmethod
    def empty(cls) -> AliasNameError:
        """No name at all."""
        return cls("Registered model alias name cannot be empty.")

    @classmethod
    def characters(cls, alias: str) -> AliasNameError:
        """Characters that no alias has."""
        return cls(f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-).")

    @classmethod
    def latest(cls) -> AliasNameError:
        """The word for the highest version."""
        return cls("'latest' alias name (case insensitive) is reserved.")

    @classmethod
    def number(cls, alias: str) -> AliasNameError:
        """A version's number in disguise."""
        return cls(f"Version alias name '{alias}' is reserved.")


class AliasNotFoundError(InvalidError):
    """The model has no such alias. MLflow calls that an invalid parameter, and clients tell it apart by that."""

    code = "alias-not-found"

    def __init__(self, alias: str) -> None:
        super().__init__(f"Registered model alias {alias} not found.")


class StageError(InvalidError):
    """Not a stage."""

    code = "stage"

    def __init__(self, stage: str) -> None:
        super().__init__(f"Invalid Model Version stage: {stage}. Value must be one of None, Staging, Production, Archived.")


class ArchiveStageError(InvalidError):
    """Only versions in an active stage make room for another."""

    code = "archive-stage"

    def __init__(self, stage: str) -> None:
        super().__init__(
            f"Model version transition cannot archive existing model versions because '{stage}' is not an Active stage. "
            f"Valid stages are ['Staging', 'Production']"
        )


class VersionNumberError(InvalidError):
    """A version that is no whole number."""

    code = "version-number"

    def __init__(self, text: object) -> None:
        super().__init__(f"Parameter 'version' must be an integer, got '{text}'.")


class MaxResultsError(InvalidError):
    """A page of a size that is not given."""

    code = "max-results"

    def __init__(self, asked: object, *, limit: int) -> None:
        if isinstance(asked, int) and asked > limit:
            super().__init__(f"Invalid value for request parameter max_results. It must be at most {limit}, but got value {asked}")
        else:
            super().__init__(f"Invalid value for max_results. It must be a positive integer, but got {asked}")


class SourceError(InvalidError):
    """A source that lies outside of what this server keeps."""

    code = "source"

    def __init__(self, source: str, *, reason: str) -> None:
        super().__init__(f"Invalid model version source: '{source[:200]}'. {reason}")

    @classmethod
    def foreign(cls, source: str) -> SourceError:
        """A place that is not this server's."""
        return cls(
            source,
            reason="A version is made of artifacts that this server keeps. Log the model to a run here and register "
            "'models:/MODEL_ID', 'runs:/RUN_ID/PATH' or its 'mlflow-artifacts:/' location.",
        )

    @classmethod
    def relative(cls, source: str) -> SourceError:
        """A path that steps out of its root, whether it is encoded or not."""
        return cls(
            source,
            reason="If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute "
            "path must be provided without relative path references present. Please provide an absolute path.",
        )

    @classmethod
    def unnamed(cls, source: str, parameter: str) -> SourceError:
        """The run or logged model that the caller names is another one, or none."""
        return cls(source, reason=f"The {parameter} request parameter must identify the resource that contains the source.")

    @classmethod
    def unmatched(cls, source: str) -> SourceError:
        """The source is a version of another run or logged model."""
        return cls(source, reason="The run_id and model_id request parameters must match the referenced model version.")
