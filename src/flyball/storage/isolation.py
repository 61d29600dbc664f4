"""What a process that runs foreign code gives up before it runs it, as far as the host grants that; what was not granted is said.

Standard library only: namespaces and Landlock bind the threads that there are, so all of this comes before any library that starts
threads. It takes away files, network and processes; it is no virtual machine, and does not hide the kernel.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_READ_FILE, _READ_DIR, _WRITE_FILE, _TRUNCATE = 1 << 2, 1 << 3, 1 << 1, 1 << 14
_OF_FILES = 0b111 | _TRUNCATE | 1 << 15
_RIGHTS_BY_ABI = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/dev/null", "/dev/zero",
    "/dev/urandom", "/dev/random", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu",
)  # fmt: skip


GUARDED = frozenset({"network", "new privileges", "files", "memory", "end with the parent"})
"""The measures whose want a person should hear of; others are limits that not every process has."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One protection, and whether the host granted it; `detail` says what is held, or why it is not."""

    name: str
    granted: bool
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What is left to the process: beside Python's own files it reads `readable` and writes `writable`. None is no limit."""

    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    memory_bytes: int = 8 << 30
    cpu_seconds: int | None = None
    file_bytes: int = 1 << 30
    open_files: int = 256
    processes: int = 64

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The value that `to_json` gave."""
        return cls(**{**data, "readable": tuple(data["readable"]), "writable": tuple(data["writable"])})


class System(Protocol):
    """The calls to the kernel; each raises OSError where it refuses."""

    def prctl(self, option: int, value: int) -> None: ...
    def unshare(self, flags: int) -> None: ...
    def set_limit(self, kind: int, value: int) -> None: ...
    def landlock_abi(self) -> int: ...
    def landlock(self, rights: Sequence[int], rules: Iterable[tuple[str, int]]) -> None: ...


def confine(wanted: Confinement, system: System | None = None) -> list[Measure]:
    """Take from this process all but what `wanted` leaves it. What the host refuses to take stays, and its measure says so.

    To be called by the only thread, once; it cannot be taken back.
    """
    host = system or Linux()
    measures = [_tried("network", lambda: _leave_network(host))]
    processes = wanted.processes if measures[0].granted else None  # without a namespace all processes of the user would count
    measures += [
        _tried("new privileges", lambda: _no_new_privileges(host)),
        _tried("files", lambda: _leave_files(wanted, host)),
        _limited("memory", resource.RLIMIT_AS, value=wanted.memory_bytes, host=host),
        _limited("processor time", resource.RLIMIT_CPU, value=wanted.cpu_seconds, host=host),
        _limited("file size", resource.RLIMIT_FSIZE, value=wanted.file_bytes, host=host),
        _limited("open files", resource.RLIMIT_NOFILE, value=wanted.open_files, host=host),
        _limited("processes", resource.RLIMIT_NPROC, value=processes, host=host),
        _limited("core dumps", resource.RLIMIT_CORE, value=0, host=host),
        # The last: a change of credentials takes it back.
        _tried("end with the parent", lambda: _die_with_parent(host)),
    ]
    return measures


def _tried(name: str, take: Callable[[], str]) -> Measure:
    try:
        return Measure(name, granted=True, detail=take())
    except OSError as error:
        return Measure(name, granted=False, detail=error.strerror or str(error))


def _limited(name: str, kind: int, *, value: int | None, host: System) -> Measure:
    if value is None:
        return Measure(name, granted=False, detail="not limited here")

    def take() -> str:
        host.set_limit(kind, value)
        return f"at most {value}"

    return _tried(name, take)


def _leave_network(host: System) -> str:
    user, group = os.getuid(), os.getgid()
    host.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    except OSError:  # it only has no name then
        return "a namespace of its own without any network; its user has no name there"
    return "a namespace of its own without any network"


def _no_new_privileges(host: System) -> str:
    host.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return "programs that raise privileges do not"


def _leave_files(wanted: Confinement, host: System) -> str:
    abi = host.landlock_abi()
    every = sum(rights for since, rights in _RIGHTS_BY_ABI if abi >= since)
    network = 0b11 if abi >= 4 else None
    scoped = 0b11 if abi >= 6 else None
    readable = [*_SYSTEM, *_python_places(), *wanted.readable]
    rules = [(place, _READ_FILE | _READ_DIR) for place in readable]
    rules += [("/dev/null", _READ_FILE | _WRITE_FILE | every & _TRUNCATE)]
    rules += [(place, every & ~1) for place in wanted.writable]  # all but to execute
    host.landlock([found for found in (every, network, scoped) if found is not None], rules)
    return f"Landlock {abi}: reads Python and its model, writes its own directory, starts no program"


def _die_with_parent(host: System) -> str:
    parent = os.getppid()
    host.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask to be told
        os._exit(1)
    return "killed when its parent is gone"


def _python_places() -> list[str]:
    named = [
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        *sysconfig.get_paths().values(),
        *sys.path,
        os.environ.get("LD_LIBRARY_PATH", ""),
    ]
    places = {str(Path(place).resolve()) for name in named for place in name.split(os.pathsep) if place}
    return sorted(places - {"/"})


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("place", ctypes.c_int32))


class Linux:
    """The kernel that this process runs on; on another system than Linux all but limits is refused."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)

    def prctl(self, option: int, value: int) -> None:
        self._called("prctl", option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))

    def unshare(self, flags: int) -> None:
        self._called("unshare", flags)

    def set_limit(self, kind: int, value: int) -> None:
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except ValueError as error:
            raise OSError(0, str(error)) from error

    def landlock_abi(self) -> int:
        return self._called("syscall", ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(1))

    def landlock(self, rights: Sequence[int], rules: Iterable[tuple[str, int]]) -> None:
        handled = (ctypes.c_uint64 * len(rights))(*rights)
        ruleset = self._called(
            "syscall", ctypes.c_long(_CREATE_RULESET), handled, ctypes.c_size_t(ctypes.sizeof(handled)), ctypes.c_uint32(0)
        )  # fmt: skip
        try:
            for place, allowed in rules:
                self._add(ruleset, place, allowed=allowed)
            self._called("syscall", ctypes.c_long(_RESTRICT_SELF), ruleset, ctypes.c_uint32(0))
        finally:
            os.close(ruleset)

    def _add(self, ruleset: int, place: str, *, allowed: int) -> None:
        try:
            found = os.open(place, os.O_PATH | os.O_CLOEXEC)
        except OSError:  # what is not there need not be allowed
            return
        try:
            if not Path(place).is_dir():
                allowed &= _OF_FILES
            rule = _Rule(allowed, found)
            self._called("syscall", ctypes.c_long(_ADD_RULE), ruleset, 1, ctypes.byref(rule), ctypes.c_uint32(0))
        finally:
            os.close(found)

    def _called(self, name: str, *arguments: Any) -> int:
        function = getattr(self._library, name, None) if sys.platform == "linux" else None
        if function is None:
            raise OSError(0, f"{sys.platform} has no {name}")
        function.restype = ctypes.c_long
        found = int(function(*arguments))
        if found < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return found
