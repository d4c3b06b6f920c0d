"""Pure: where an object of a channel lies below the channel's directory.

The rule fits every real listing known: a prefix that is a folder of the key is taken off, a prefix that ends within
a name keeps that whole name (docs/fidelity.md, "Keys and paths").
"""

from pathlib import PurePosixPath

MAX_NAME_BYTES = 255


def object_path(key: str, prefix: str) -> PurePosixPath | None:
    """The path relative to the channel's directory; None for a folder marker (a key that ends in `/`).

    Raises ValueError for a key that would leave the directory or that no file system can hold.
    """
    if key.endswith("/"):
        return None
    rest = key[len(prefix) :]
    inside_folder = prefix.endswith("/") or not prefix or rest.startswith("/")
    relative = rest.lstrip("/") if inside_folder else key[prefix.rfind("/") + 1 :]
    parts = [part for part in relative.split("/") if part]
    if any(part in (".", "..") or "\0" in part for part in parts):
        raise ValueError(f"the key {key!r} would leave the channel's directory")
    if any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise ValueError(f"the key {key[:80]!r}... has a name of more than {MAX_NAME_BYTES} bytes")
    return PurePosixPath(*parts)
