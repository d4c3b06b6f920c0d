"""Artifacts with CompressionType NONE: every file of all hosts is an object of its own, streamed to S3.

Hosts are merged as in the archive (model_artifacts.py). S3 has neither directories nor links: empty directories and
symbolic links leave no object, and a hard link is one more object with the file's content. Sources: API
OutputDataConfig$CompressionType; docs/fidelity.md for what is our choice.
"""

import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import BinaryIO

from emulator.domain.failure_reason import artifact_upload_failed
from emulator.domain.s3_uri import S3Uri
from emulator.training.model_artifacts import Archive, ChunkReader, Volumes, merged_members, told_as_failures

FileArchive = Callable[[str, str], AbstractContextManager[Iterator[bytes] | None]]
"""(host, relative name) -> the tar stream of that one file, None where it is gone."""

Writer = Callable[[S3Uri], AbstractContextManager[BinaryIO]]

CHUNK = 2**20
KEY_LIMIT = 1024
"""Bytes, S3 User Guide, "Object key naming guidelines"."""


def upload_files(volumes: Volumes, archive: Archive, file: FileArchive, folder: S3Uri, writer: Writer) -> int:
    """For a worker thread: merge and upload below `folder`; returns how many objects. Raises JobFailure."""
    links: list[tuple[str, str]] = []
    count = 0
    with told_as_failures():
        for host, info, content, _ in merged_members(volumes, archive):
            if content is not None:
                _put(content, file_uri(folder, info.name), writer)
                count += 1
            elif info.islnk():
                links.append((host, info.name))
        for host, name in links:
            with file(host, name) as stream:
                _put_link(host, name, stream, writer, file_uri(folder, name))
    return count + len(links)


def _put_link(host: str, name: str, stream: Iterator[bytes] | None, writer: Writer, target: S3Uri) -> None:
    """The directory's stream told a hard link's content under the file's first name only, so it is read again."""
    if stream is None:
        raise artifact_upload_failed(f"{name!r} on {host} is gone.")
    with tarfile.open(fileobj=ChunkReader(stream), mode="r|") as tar:
        found = tar.next()
        content = tar.extractfile(found) if found is not None and found.isreg() else None
        if content is None:
            raise artifact_upload_failed(f"{name!r} on {host} is no file any more.")
        _put(content, target, writer)  # type: ignore[arg-type]


def _put(content: BinaryIO, target: S3Uri, writer: Writer) -> None:
    with writer(target) as output:
        shutil.copyfileobj(content, output, CHUNK)


def file_uri(folder: S3Uri, name: str) -> S3Uri:
    """The object of a file; `name` is the container's own choice. Raises JobFailure where no key can be made of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise artifact_upload_failed(f"the file name {name!r} leaves its directory.")
    uri = S3Uri(folder.bucket, f"{folder.key}{name}")
    try:
        length = len(uri.key.encode())
    except UnicodeEncodeError as error:
        raise artifact_upload_failed(
            f"the file name {name!r} is not UTF-8, as the keys of S3 objects are."
        ) from error
    if length > KEY_LIMIT:
        raise artifact_upload_failed(
            f"the key {uri.key[:100]}... has {length} bytes; S3 takes at most {KEY_LIMIT}."
        )
    return uri
