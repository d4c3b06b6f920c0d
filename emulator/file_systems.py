"""Directories of this machine that stand in for file systems (API FileSystemDataSource)."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from emulator.domain.channel import FileSystemDataSource

FileSystems = Mapping[str, Path]
"""FileSystemId -> absolute directory."""


def find_directory(source: FileSystemDataSource, file_systems: FileSystems) -> Path:
    """Where DirectoryPath lies on this machine: absolute, links resolved. Looks at the disk.

    Raises ValueError, whose text says what is wrong, where it is no directory, and where it would lie outside of
    the one that is configured.
    """
    name, path = source.file_system_id, source.directory_path
    if name not in file_systems:
        raise ValueError(
            f"the file system {name} is not configured; start the emulator with "
            f"SAGEMAKER_EMULATOR_FILE_SYSTEMS={name}=/a/directory"
        )
    if ".." in PurePosixPath(path).parts or "\0" in path:
        raise ValueError(
            f"the DirectoryPath {path[:80]!r} is not the full path to a directory; leave out '..'"
        )
    try:
        root = file_systems[name].resolve(strict=True)
        found = (root / path.lstrip("/")).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise ValueError(f"the file system {name} has no directory {path[:80]!r} that can be read") from error
    if not found.is_relative_to(root):
        raise ValueError(f"the DirectoryPath {path[:80]!r} leads out of the file system {name}")
    if not found.is_dir():
        raise ValueError(f"the DirectoryPath {path[:80]!r} of the file system {name} is not a directory")
    return found
