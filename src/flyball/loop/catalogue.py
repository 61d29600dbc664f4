"""The catalogue in the log: what features a model has, recorded once per definition, so that a home can list them by itself."""

from __future__ import annotations

from dataclasses import asdict

from flyball.features import FeatureSet
from flyball.features.catalogue import list_features
from flyball.loop.model import Model
from flyball.storage.events import EventLog, EventQuery
from flyball.storage.recorder import Recorder

FEATURES_COMPILED = "features.compiled"


def record_features(model: Model, features: FeatureSet, *, log: EventLog, recorder: Recorder) -> None:
    """`features.compiled`, unless the newest of this model says the same."""
    subject = f"model/{model.name}"
    known = log.list(EventQuery(type=FEATURES_COMPILED, subject=subject))
    if known and known[-1].data["fingerprint"] == features.fingerprint:
        return
    listed = [asdict(entry) for entry in list_features(features)]
    recorder.record(FEATURES_COMPILED, subject, data={"fingerprint": features.fingerprint, "features": listed})
