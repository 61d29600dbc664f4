"""The loop: a model's declaration, the pure function that keeps it in production, and the backtest that replays it."""

from flyball.loop.model import Model, Project
from flyball.loop.triggers import every, on_drift, on_performance_drop

__all__ = ["Model", "Project", "every", "on_drift", "on_performance_drop"]
