"""Files behind the port of sources: where they lie, how they are unpacked, and how each format becomes frames."""

from flyball.data.sources.files.parts import FileParts

__all__ = ["FileParts"]
