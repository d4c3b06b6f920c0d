"""`buckets/<name>/...` of the init directory: every folder a bucket, every file below it an object."""

import filecmp
import hashlib
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.objects.object_store import ObjectStore

PLACEHOLDER = ".gitkeep"
"""Keeps an empty folder in a Git repository; not an object."""


@dataclass(frozen=True)
class Seeding:
    objects: ObjectStore
    make_bucket: Callable[[str], Awaitable[None]]
    """Makes a bucket unless it is there. Raises S3Fault."""
    files: CapacityLimiter

    async def seed(self, folder: Path) -> int:
        """Make the bucket `folder.name` hold the folder's files; returns how many were uploaded.

        Objects with the same content stay, and so do those that the folder does not have. Raises S3Fault, OSError.
        """
        await self.make_bucket(folder.name)
        present = {found.key: found async for found in self.objects.list(S3Uri(folder.name, ""))}
        uploaded = 0
        for path in await blocking(self.files, _files, folder):
            key = _key(folder, path)
            if key not in present or not await self._is_same(present[key], path):
                await blocking(self.files, self._upload, S3Uri(folder.name, key), path)
                uploaded += 1
        return uploaded

    async def _is_same(self, found: S3Object, path: Path) -> bool:
        if "-" not in found.etag:
            return found.etag == await blocking(self.files, _md5, path)
        # An upload of several parts: the ETag does not tell what is in them.
        with TemporaryDirectory() as directory:
            copy = Path(directory) / "object"
            await self.objects.download(found, copy)
            return await blocking(self.files, filecmp.cmp, copy, path, shallow=False)

    def _upload(self, target: S3Uri, path: Path) -> None:
        with path.open("rb") as source, self.objects.writer(target) as file:
            shutil.copyfileobj(source, file, 2**20)


def bucket_folders(directory: Path) -> list[Path]:
    """The folders of `buckets/`, by name. Raises S3Fault where a file is among them."""
    if not directory.is_dir():
        return []
    entries = sorted(path for path in directory.iterdir() if path.name != PLACEHOLDER)
    for path in entries:
        if not path.is_dir():
            raise S3Fault("InvalidBucketName", f"{path.name} is a file; buckets are folders.")
    return entries


def _key(folder: Path, path: Path) -> str:
    """Raises S3Fault for a name of other bytes than UTF-8, which no key can have."""
    key = path.relative_to(folder).as_posix()
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        raise S3Fault("InvalidURI", f"{key!r} is no name in UTF-8.") from None
    return key


def _files(folder: Path) -> list[Path]:
    found = (
        Path(parent) / name for parent, _, names in os.walk(folder) for name in names if name != PLACEHOLDER
    )
    return sorted(path for path in found if path.is_file())


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
