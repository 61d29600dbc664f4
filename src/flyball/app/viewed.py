"""What a control plane is asked to show, it asks its view; with a loop behind it or without."""

from __future__ import annotations

from flyball.app.controlplane import EventPage, Json, Pulse
from flyball.app.liveview import LiveView


class Viewed:
    """The methods of `ControlPlane` that a `LiveView` answers. Thread-safe."""

    def __init__(self, view: LiveView) -> None:
        self._view = view

    def pulse(self) -> Pulse:
        return self._view.pulse()

    def get_status(self) -> Json:
        return self._view.get_status()

    def list_models(self) -> Json:
        return self._view.list_models()

    def get_model(self, name: str) -> Json:
        return self._view.get_model(name)

    def list_windows(self, model: str) -> Json:
        return self._view.list_windows(model)

    def list_versions(self, model: str) -> Json:
        return self._view.list_versions(model)

    def list_events(self, page: EventPage) -> Json:
        return self._view.list_events(page)

    def list_causes(self, event: str) -> Json:
        return self._view.list_causes(event)

    def list_datasets(self) -> Json:
        return self._view.list_datasets()
