"""What names say: which files a path means, what format each is, and how it is packed. Pure functions of texts."""

from __future__ import annotations

import re
from dataclasses import dataclass

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".arrows": "arrow",
    ".xlsx": "excel",
    ".xls": "excel",
}
PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}
ENDINGS = f"{', '.join(SUFFIXES)}, each also with {', '.join(PACKED)} behind it"
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Kind:
    """What a file is: its format, and how it is packed; None where it is plain."""

    format: str
    packing: str | None = None


def kind_of(name: str, *, declared: str | None = None) -> Kind | None:
    """What the name says, in any case of letters; None where neither it nor `declared` says the format."""
    stem, packing = name.lower(), None
    for suffix, known in PACKED.items():
        if stem.endswith(suffix):
            stem, packing = stem.removesuffix(suffix), known
    found = declared or next((found for suffix, found in SUFFIXES.items() if stem.endswith(suffix)), None)
    return Kind(found, packing) if found else None


def split_pattern(path: str) -> tuple[str, str | None]:
    """The folder before the first part with *, ? or [, and the pattern below it; no pattern where there is no such part."""
    parts = path.split("/")
    for number, part in enumerate(parts):
        if _MAGIC.search(part):
            return "/".join(parts[:number]) or ("/" if path.startswith("/") else "."), "/".join(parts[number:])
    return path, None


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """What matches paths as shells do: * and ? within one name, ** over any number of folders, [abc] and [!abc] one character."""
    parts = [".*" if part == "**" else _part(part) for part in pattern.split("/")]
    text = "/".join(parts).replace(".*/", "(?:[^/]+/)*")
    return re.compile(text + r"\Z", re.DOTALL)


def _part(part: str) -> str:
    out, at = [], 0
    while at < len(part):
        letter = part[at]
        end = part.find("]", at + 2) if letter == "[" else -1
        if letter == "*":
            out.append("[^/]*")
        elif letter == "?":
            out.append("[^/]")
        elif end > 0:
            inside = part[at + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            out.append("[" + ("^" + inside[1:] if inside.startswith("!") else inside.replace("^", r"\^")) + "]")
            at = end
        else:
            out.append(re.escape(letter))
        at += 1
    return "".join(out)


def is_hidden(name: str) -> bool:
    """Whether the file begins with a dot, or a folder above it with a dot or an underscore, as unfinished work of writers does."""
    *folders, file = name.split("/")
    return file.startswith(".") or any(folder.startswith((".", "_")) for folder in folders)
