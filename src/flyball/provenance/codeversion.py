"""Which code a run used: the commit where there is one, with the digest of what was changed since, else the digest of the tree."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_SOURCES = frozenset((".py", ".toml", ".cfg", ".ini", ".lock", ".txt", ".json", ".yaml", ".yml", ".sql"))
_SKIPPED = frozenset(("__pycache__", "node_modules", "venv", "build", "dist", "site-packages"))


def code_version(root: Path) -> str:
    """`git:<commit>` for a clean work tree, `git:<commit>+<digest>` for a changed one, `tree:<digest>` without git.

    The digest covers changed and untracked (not ignored) files of the whole work tree; two trees of one commit with the same
    changes have the same version. A repository without a commit counts as none.
    """
    git = shutil.which("git")
    commit = _git(git, root, "rev-parse", "HEAD") if git else None
    if git is None or commit is None:
        return f"tree:{_tree_digest(root)}"
    changes = _changes(git, root)
    return f"git:{commit.decode().strip()}" + (f"+{changes}" if changes else "")


def _git(git: str, root: Path, *arguments: str) -> bytes | None:
    # No optional locks: reading the state must not disturb a commit that is under way.
    command = [git, "--no-optional-locks", "-C", str(root), *arguments]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - fixed words and a directory, no shell
    return done.stdout if done.returncode == 0 else None


def _changes(git: str, root: Path) -> str | None:
    top = Path((_git(git, root, "rev-parse", "--show-toplevel") or b".").decode().strip())
    difference = _git(git, top, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--no-color") or b""
    untracked = _git(git, top, "ls-files", "--others", "--exclude-standard", "-z") or b""
    if not difference and not untracked:
        return None
    total = hashlib.sha256(difference)
    for name in sorted(filter(None, untracked.split(b"\0"))):
        _add_file(total, name, file=top / name.decode(errors="surrogateescape"))
    return total.hexdigest()[:16]


def _add_file(total: hashlib._Hash, name: bytes, *, file: Path) -> None:
    content = file.read_bytes() if file.is_file() else b""
    total.update(b"%d:%s%d:" % (len(name), name, len(content)) + content)


def _sources(directory: Path) -> Iterator[Path]:
    for entry in sorted(directory.iterdir()):
        if entry.name.startswith(".") or entry.name in _SKIPPED:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _sources(entry)
        elif entry.suffix in _SOURCES and entry.is_file():
            yield entry


def _tree_digest(root: Path) -> str:
    total = hashlib.sha256()
    for file in _sources(root):
        _add_file(total, file.relative_to(root).as_posix().encode(), file=file)
    return total.hexdigest()
