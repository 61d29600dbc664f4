"""What comes in from those who answer elsewhere: predictions of other systems, and journals of model servers on other hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flyball.app.deed import Json
from flyball.app.livemodel import LiveModel
from flyball.app.postbox import Postbox
from flyball.app.releasing import PRODUCTION
from flyball.app.remotejournals import RemoteJournals
from flyball.core.errors import UnknownNameError
from flyball.data.bodies import Body
from flyball.releases import ReleaseStore
from flyball.serving.logspec import PLAIN
from flyball.serving.posted import Known
from flyball.serving.rowform import find_kind


class Inbox:
    """A `PredictionInbox`. `check` raises while it is too early to take anything."""

    def __init__(self, postbox: Postbox, journals: RemoteJournals, *, check: Callable[[], object]) -> None:
        self._postbox, self._journals, self._check = postbox, journals, check

    def take(self, body: Body) -> Json:
        self._check()
        return self._postbox.take(body)

    def get_position(self, server: str) -> Json:
        return {"position": self._journals.get_position(server)}

    def take_journal(self, server: str, content: bytes) -> Json:
        return {"position": self._journals.take(server, content)}


def known_endpoint(endpoint: str, models: Mapping[str, LiveModel], *, releases: ReleaseStore) -> Known:
    """What a record for the endpoint is fitted to.

    Raises:
        UnknownNameError: no model of the project serves there.
    """
    found = next((live for live in models.values() if live.model.serves_at == endpoint), None)
    if found is None:
        raise UnknownNameError("endpoint", endpoint[:100], known=[live.model.serves_at for live in models.values()])
    model, features = found.model, found.features
    deployment = releases.find_deployment(PRODUCTION, endpoint)
    columns = dict.fromkeys([*model.rows.key, *features.inputs, model.rows.event_time, *model.sticks_to])
    hidden = () if model.log is None else sorted(model.log.plan.hidden)
    kinds = {name: find_kind(features.schema[name]) or "String" for name in [*columns, *hidden] if name in features.schema}
    return Known(
        model=model.name, task=found.objective.task, own=model.rows.name, key=tuple(model.rows.key),
        champion=None if deployment is None else deployment.champion, inputs=kinds,
        features={name: find_kind(dtype) or "String" for name, dtype in features.dtypes.items()},
        log=PLAIN if model.log is None else model.log.plan,
    )  # fmt: skip
