"""Which version a person means by ``models:/…``, and, where there is none, what there is instead.

The registry refuses in MLflow's words, which its clients read; a person at a terminal is told what to type.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from flyball.core.errors import NotFoundError
from flyball.registry.models import Models
from flyball.registry.refusals import (
    AliasNotFoundError,
    LatestVersionNotFoundError,
    ModelNotFoundError,
    RegisteredVersionNotFoundError,
)
from flyball.serving.byhand import ModelReference

_SHOWN = 8


class NoVersionsError(NotFoundError):
    """A registered model without a version."""

    code = "no-versions"

    def __init__(self, name: str) -> None:
        super().__init__(f"The model {name!r} has no version yet. Register one with `flyball import model`, or with MLflow's client.")


class NoSuchModelError(NotFoundError):
    """A name that no registered model has."""

    code = "no-such-model"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        there = f"Models: {', '.join(names[:_SHOWN])}{', …' if len(names) > _SHOWN else ''}." if names else "This home has no models."
        super().__init__(f"There is no model {name!r}. {f'Did you mean {near[0]!r}?' if near else there}")


class NoSuchVersionError(NotFoundError):
    """A number or alias that no version of the model has."""

    code = "no-such-version"

    def __init__(self, reference: ModelReference, *, latest: int, aliases: Iterable[str]) -> None:
        if reference.alias is None:
            asked, there = f"version {reference.number}", f"its latest is {latest}"
        else:
            asked, there = f"alias {reference.alias!r}", f"aliases: {', '.join(sorted(aliases)[:_SHOWN]) or 'none'}"
        super().__init__(f"Model {reference.name!r} has no {asked}; {there}. `flyball ls versions {reference.name}` lists its versions.")


def resolve(registry: Models, reference: ModelReference) -> int:
    """The number of the version that is meant.

    Raises:
        NoSuchModelError, NoVersionsError, NoSuchVersionError: there is none.
    """
    try:
        if reference.number is not None:
            return registry.get_version(reference.name, reference.number).number
        return registry.get_by_alias(reference.name, reference.alias or "latest").number
    except (ModelNotFoundError, LatestVersionNotFoundError, AliasNotFoundError, RegisteredVersionNotFoundError) as error:
        raise _explained(registry, reference) from error


def _explained(registry: Models, reference: ModelReference) -> NotFoundError:
    try:
        model = registry.get(reference.name)
    except ModelNotFoundError:
        return NoSuchModelError(reference.name, [found.name for found in registry.search(max_results=1000).items])
    if not model.latest:
        return NoVersionsError(reference.name)
    latest = max(version.number for version in model.latest)
    return NoSuchVersionError(reference, latest=latest, aliases=model.aliases)
