"""What every process of a home knows of tokens: a file of digests, roles and ends, which a control plane writes and all reread.

So that no request asks the database, and a model server, which has none, lets the same people in. The file holds no secret; only its
home's user may write it, and one that others may write is not believed.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import stat
import tempfile
import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from flyball.core.clock import Clock, Timer
from flyball.governance.errors import ForeignTokenError, TokenExpiredError, TokenRevokedError
from flyball.governance.permissions import Role
from flyball.governance.tokens import Token, digest_of
from flyball.storage.errors import os_errors

FILE = Path("serving") / "tokens.json"
LOOK_SECONDS = 0.25
_LOG = logging.getLogger(__name__)
_Mark = tuple[int, int, int]


def publish(home: Path, tokens: Iterable[Token], *, project: str) -> None:
    """The home's file says so now, whole or as it was before; nothing is written where it says so already.

    Raises:
        UnavailableError: it cannot be written.
    """
    path = home / FILE
    facts = {"project": project, "tokens": [_facts(token) for token in tokens]}
    text = json.dumps(facts, indent=1) + "\n"
    with os_errors(path):
        if path.is_file() and path.read_text(encoding="ascii", errors="replace") == text:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".tokens.")  # mode 0600 from the start
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)


def find_project(home: Path) -> str | None:
    """The project whose tokens the home's control plane published last; None where none did."""
    try:
        return str(json.loads((home / FILE).read_bytes())["project"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class TokenBook:
    """Knows tokens by their secrets. The file is looked at again after a quarter of a second, so that a revocation is seen at once.

    While the file cannot be read, what was known stays known. Thread-safe.
    """

    def __init__(self, home: Path, *, clock: Clock, timer: Timer) -> None:
        self._path, self._clock, self._timer = home / FILE, clock, timer
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._mark: _Mark | None = None
        self._project = ""
        self._by_digest: dict[str, Token] = {}
        self._by_id: dict[str, Token] = {}
        self._used: dict[str, datetime] = {}

    def find(self, secret: str, name: str | None = None) -> Token | None:
        """The token of that secret, and of that name where one is given; None where there is none.

        Raises:
            TokenExpiredError, TokenRevokedError: it is good no more.
            ForeignTokenError: it is of another project.
        """
        self._look()
        digest = digest_of(secret)
        found = self._by_digest.get(digest)
        if found is None or not hmac.compare_digest(found.digest, digest) or (name is not None and name != found.name):
            return None
        return self._judged(found)

    def find_id(self, token_id: str) -> Token | None:
        """The token of that id; judged as `find` does."""
        self._look()
        found = self._by_id.get(token_id)
        return None if found is None else self._judged(found)

    def take_used(self) -> dict[str, datetime]:
        """Which tokens were seen, and when last, since this was asked before."""
        with self._lock:
            taken, self._used = self._used, {}
        return taken

    def _judged(self, token: Token) -> Token:
        now = self._clock.now()
        if token.revoked is not None:
            raise TokenRevokedError(token.name, token.revoked)
        if now >= token.expires:
            raise TokenExpiredError(token.name, token.expires)
        if token.project != self._project:
            raise ForeignTokenError(token.name, token.project)
        self._used[token.id] = now
        return token

    def _look(self) -> None:
        now = self._timer.seconds()
        if now - self._looked < LOOK_SECONDS:
            return
        with self._lock:
            self._looked = now
            try:
                self._reread()
            except FileNotFoundError:
                self._project, self._by_digest, self._by_id, self._mark = "", {}, {}, None
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                _LOG.warning("The tokens in %s cannot be read, those known before stay: %s", self._path, error)

    def _reread(self) -> None:
        with os.fdopen(os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            facts = os.fstat(file.fileno())
            mark = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
            if mark == self._mark:
                return
            if stat.S_IMODE(facts.st_mode) & 0o022 or facts.st_uid not in {os.geteuid(), 0}:
                raise PermissionError("others may have written it")
            found = json.loads(file.read())
        tokens = [_parsed(entry) for entry in found["tokens"]]
        self._project, self._mark = str(found["project"]), mark
        self._by_digest, self._by_id = {token.digest: token for token in tokens}, {token.id: token for token in tokens}


def _facts(token: Token) -> dict[str, Any]:
    return {
        "id": token.id, "name": token.name, "role": token.role.value, "project": token.project, "digest": token.digest,
        "created": token.created.isoformat(), "expires": token.expires.isoformat(),
        "revoked": None if token.revoked is None else token.revoked.isoformat(), "may_run_code": token.may_run_code,
    }  # fmt: skip


def _parsed(found: dict[str, Any]) -> Token:
    revoked = found["revoked"]
    return Token(
        id=str(found["id"]), name=str(found["name"]), role=Role(found["role"]), project=str(found["project"]), digest=str(found["digest"]),
        created=datetime.fromisoformat(found["created"]), expires=datetime.fromisoformat(found["expires"]),
        revoked=None if revoked is None else datetime.fromisoformat(revoked), may_run_code=found["may_run_code"] is True,
    )  # fmt: skip
