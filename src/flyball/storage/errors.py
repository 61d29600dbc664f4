"""What goes wrong with stored things; the sentence says what was asked, what was found and what to do next.

::

    InvalidError ── DigestFormatError, BlobTooLargeError, TableNameError, TableSchemaError, EntryTooLargeError,
                     JournalPositionError
    NotFoundError ── BlobNotFoundError, ClockNotFoundError, EventNotFoundError, TableNotFoundError, JobNotFoundError
    ConflictError ── DuplicateEventError, LeaseLostError, JobLostError, NewerHomeError
    IntegrityError ── BlobCorruptError, ClockFileError, DatabaseCorruptError, JournalCorruptError
    UnavailableError ── DiskFullError, ReadOnlyError, BusyError, StorageFailedError, JournalFullError

A store that raises one of these has left everything as it was before the call.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flyball.core.errors import ConflictError, IntegrityError, InvalidError, NotFoundError, UnavailableError


def free_bytes(path: Path) -> int | None:
    """Bytes free for us on the disk of `path` or of its nearest parent that exists; None where that cannot be told."""
    for place in (path, *path.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


class DigestFormatError(InvalidError):
    """Not a digest, and so never looked up: a name must not become a path."""

    code = "digest-format"

    def __init__(self, text: object) -> None:
        super().__init__(f"{str(text)[:80]!r} is not a digest. A digest is 64 lower-case hex digits.")


class BlobTooLargeError(InvalidError):
    """More bytes than whoever takes them allows."""

    code = "blob-too-large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The content has more than the {limit_bytes:,} bytes that are allowed. Nothing was stored.")
        self.limit_bytes = limit_bytes


class BlobNotFoundError(NotFoundError):
    """No blob has this digest."""

    code = "blob-not-found"

    def __init__(self, digest: str, root: Path | str) -> None:
        super().__init__(f"There is no blob {digest} in {root}. It was deleted, or it belongs to another home.")
        self.digest = digest


class BlobCorruptError(IntegrityError):
    """A blob's content has another digest than its address."""

    code = "blob-corrupt"

    def __init__(self, digest: str, path: Path | str, *, found: str) -> None:
        super().__init__(
            f"The blob {digest} at {path} has changed: its content now has digest {found}. Put the same content again to heal it."
        )
        self.digest, self.found = digest, found


class EventNotFoundError(NotFoundError):
    """No event has this id."""

    code = "event-not-found"

    def __init__(self, event: str) -> None:
        super().__init__(f"There is no event {event!r} in this home. List events with `flyball ls events`.")
        self.event = event


class DuplicateEventError(ConflictError):
    """An event with this id is in the log already; nothing of the call was appended."""

    code = "duplicate-event"

    def __init__(self, events: Iterable[str]) -> None:
        self.events = tuple(events)
        super().__init__(f"The log has {', '.join(self.events)} already. An event is appended once; make a new id for a new event.")


class ClockNotFoundError(NotFoundError):
    """A home has no shared clock."""

    code = "clock-not-found"

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no shared clock at {path}. Start one with `flyball up PROJECT.py --clock TIME --speed NUMBER`.")
        self.path = path


class LeaseLostError(ConflictError):
    """The lease was taken over, or was released."""

    code = "lease-lost"

    def __init__(self, name: str, holder: str, *, now_held_by: str | None) -> None:
        found = f"{now_held_by} holds it now" if now_held_by else "nobody holds it now"
        super().__init__(f"{holder} has lost the lease {name!r}: {found}. Stop what needed it, and acquire it again.")
        self.name, self.now_held_by = name, now_held_by


class JobNotFoundError(NotFoundError):
    """No job has this id."""

    code = "job-not-found"

    def __init__(self, job: str) -> None:
        super().__init__(f"There is no job {job!r} in this home.")
        self.job = job


class JobLostError(ConflictError):
    """The job is at a later attempt, is queued again, or has ended; what was made for it at the earlier attempt counts for nothing."""

    code = "job-lost"

    def __init__(self, job: str, attempt: int, *, state: str, now_at: int) -> None:
        super().__init__(
            f"Attempt {attempt} of the job {job} was lost: the job is {state} at attempt {now_at}. Drop the work; who has it does it."
        )
        self.job, self.attempt, self.state, self.now_at = job, attempt, state, now_at


class NewerHomeError(ConflictError):
    """The home was written by a newer version, whose schema this one does not know."""

    code = "newer-home"

    def __init__(self, place: Path | str, *, found: str, known: str) -> None:
        super().__init__(
            f"The database {place} has schema {found!r}; this version of flyball knows up to {known!r}. "
            "It was used by a newer version: upgrade flyball, or use another home. Nothing was changed."
        )
        self.found, self.known = found, known


class TableNameError(InvalidError):
    """Not a table's name, and so never opened: a name must not become a path."""

    code = "table-name"

    def __init__(self, name: object) -> None:
        super().__init__(
            f"{str(name)[:80]!r} is not a table's name. Use 1 to 128 letters, digits, '_', '-' or '.', not starting with '.' or '-'."
        )


class TableNotFoundError(NotFoundError):
    """No such table, or no such version of it."""

    code = "table-not-found"

    def __init__(self, table: str, *, version: int | None = None, latest: int | None = None) -> None:
        if latest is None:
            super().__init__(f"There is no table {table!r}. It is made by the first rows that are appended to it.")
        else:
            super().__init__(f"Table {table!r} has no version {version}; versions: 0 to {latest}.")
        self.table, self.version, self.latest = table, version, latest


class TableSchemaError(InvalidError):
    """The rows do not fit the table."""

    code = "table-schema"

    def __init__(self, table: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"The rows do not fit the table {table!r}: {'; '.join(self.problems)}. Nothing was appended.")


class DiskFullError(UnavailableError):
    """No space left; what was there is as before."""

    code = "disk-full"

    def __init__(self, path: Path) -> None:
        free = free_bytes(path)
        left = "free space unknown" if free is None else f"free space {free:,} bytes"
        super().__init__(f"Disk full at {path} ({left}). Nothing was half-written; make room and run the command again.")
        self.path, self.free_bytes = path, free


class ReadOnlyError(UnavailableError):
    """The place cannot be written; what was there is as before."""

    code = "read-only"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} cannot be written: it is read-only for this user. Check its permissions and its mount, or use another home."
        )
        self.path = path


class BusyError(UnavailableError):
    """Others kept the database locked for longer than we wait."""

    code = "busy"

    def __init__(self, path: Path, waited_seconds: float) -> None:
        super().__init__(
            f"The database {path} was locked by others for {waited_seconds:g} s. Find who holds it open (`fuser {path}`) and try again."
        )
        self.path = path


class StorageFailedError(UnavailableError):
    """The operating system or a library failed to read or write."""

    code = "storage-failed"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} could not be read or written: {reason}. Nothing was half-written.")
        self.path, self.reason = path, reason


class ClockFileError(IntegrityError):
    """The file is no clock."""

    code = "clock-file"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is no clock of this version: {reason}. Stop `flyball up`, remove the file, and start it again.")
        self.path = path


class DatabaseCorruptError(IntegrityError):
    """The file is not a whole database."""

    code = "database-corrupt"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"The database {path} is damaged or is no database: {reason}. Restore it from a backup, or use another home.")
        self.path, self.reason = path, reason


class EntryTooLargeError(InvalidError):
    """One append is larger than a journal holds."""

    code = "entry-too-large"

    def __init__(self, size_bytes: int, *, limit_bytes: int) -> None:
        super().__init__(f"{size_bytes:,} bytes are too many for one append to a journal; at most {limit_bytes:,}. Append less at once.")


class JournalPositionError(InvalidError):
    """A position that the journal has not reached."""

    code = "journal-position"

    def __init__(self, path: Path, position: int, *, last: int) -> None:
        super().__init__(f"The journal {path} has no entry {position} to acknowledge; its last is {last}.")


class JournalFullError(UnavailableError):
    """What readers have not acknowledged is as much as the journal may hold; it is as before."""

    code = "journal-full"

    def __init__(self, path: Path, *, waiting_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"The journal {path} holds {waiting_bytes:,} bytes that nobody has taken over yet; its limit is {limit_bytes:,}. "
            "Nothing was appended. See that its reader runs (`flyball up`), or allow it more."
        )
        self.path = path


class JournalCorruptError(IntegrityError):
    """Entries that were whole once are damaged; those after `resume` can be read."""

    code = "journal-corrupt"

    def __init__(self, path: Path, *, first: int, resume: int) -> None:
        super().__init__(
            f"The journal segment {path} is damaged: entries {first} to {resume} cannot be read. "
            f"Restore the file from a backup, or go on after {resume} without them."
        )
        self.path, self.first, self.resume = path, first, resume


def from_os(error: Exception, path: Path) -> UnavailableError:
    """The error that `error` of the operating system, or of a library that repeats it in words only, means for `path`."""
    match getattr(error, "errno", None) or _number_in(str(error)):
        case errno.ENOSPC | errno.EDQUOT:
            return DiskFullError(path)
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return ReadOnlyError(path)
    reason = getattr(error, "strerror", None) or str(error)
    return StorageFailedError(path, reason.partition("\n")[0])


def is_disk_full(error: BaseException) -> bool:
    """Whether the disk was full, by `error` or by what led to it; libraries wrap the system's answer in errors of their own."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, DiskFullError) or (isinstance(link, Exception) and isinstance(from_os(link, Path()), DiskFullError)):
            return True
        link = link.__cause__ or link.__context__
    return False


def _number_in(words: str) -> int | None:
    found = re.search(r"\(os error (\d+)\)", words)  # how Rust's libraries end such a sentence
    return None if found is None else int(found[1])


@contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Errors of the operating system in the block become ours, once."""
    try:
        yield
    except (UnavailableError, BrokenPipeError):  # a reader that has left is no fault of the place
        raise
    except OSError as error:
        raise from_os(error, path) from error
