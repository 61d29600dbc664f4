"""The strip below the head: each process with its state, its CPU and its memory as compact meters, and the disk. Pure."""

from __future__ import annotations

from datetime import timedelta

from flyball.console.answers import Disk, Process, Status
from flyball.console.markup import Markup, element, joined, text
from flyball.console.words import NONE, length, plural, size

_NAMES = {"control": "Control plane", "predict": "Model server", "console": "Console", "supervisor": "Supervisor"}
MEMORY_SCALE = 1e9
"""Bytes at which a process's memory meter is full."""


def health_strip(status: Status) -> Markup:
    """All processes and the disk, the ill ones said in words."""
    cells = [_process(process) for process in status.processes]
    if status.disk is not None:
        cells.append(_disk(status.disk))
    return joined(*cells)


def _process(process: Process) -> Markup:
    tone = "good" if process.healthy else "warn" if process.state in {"starting", "restarting", "stopping"} else "bad"
    said = [] if process.healthy else [process.state]
    if process.restarts:
        said.append(plural(process.restarts, "restart"))
    called = _NAMES.get(process.name, process.name)
    hover = [f"{called}: {process.state}"]
    if process.pid is not None:
        hover.append(f"pid {process.pid}")
    if process.uptime_seconds is not None:
        hover.append(f"up for {length(timedelta(seconds=process.uptime_seconds))}")
    name = element("span", element("span", class_=f"dot {tone}"), text(called), class_="name")
    ill = element("span", text(", ".join(said)), class_=f"ill {tone}") if said else Markup("")
    cpu = NONE if process.cpu_percent is None else f"{process.cpu_percent:.0f}%"
    memory = process.memory_bytes or 0.0
    meters = joined(
        _meter("CPU", cpu, part=(process.cpu_percent or 0.0) / 100), _meter("Mem", size(memory or None), part=memory / MEMORY_SCALE)
    )
    return element("div", element("div", name, ill, class_="who"), meters, class_="cell", title=", ".join(hover))


def _disk(disk: Disk) -> Markup:
    used, free = disk.home_bytes or 0.0, disk.free_bytes
    part = used / (used + free) if free else 0.0
    name = element("span", text("Disk"), class_="name")
    left = element("span", text(f"{size(free)} free"), class_="ill quiet")
    meter = _meter("Home", size(disk.home_bytes), part=part)
    return element("div", element("div", name, left, class_="who"), meter, class_="cell", title="What the home takes, and what is free")


def _meter(name: str, value: str, *, part: float) -> Markup:
    full = min(max(part, 0.0), 1.0)
    tone = "bad" if full > 0.9 else ""
    track = element("span", element("span", style=f"width:{full * 100:.0f}%"), class_=f"track thin {tone}")
    return element("span", element("span", text(name), class_="unit"), track, element("span", text(value), class_="value"), class_="meter")
