"""A channel in FastFile mode, as a directory of the emulator's machine."""

import errno
import logging
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from emulator.domain.s3_object import S3Object
from emulator.fast_file.block_cache import BlockCache, Read
from emulator.fast_file.faults import FastFileError
from emulator.fast_file.file_tree import FileTree
from emulator.fast_file.prerequisites import load_session

if TYPE_CHECKING:
    from emulator.fast_file.session import Session

log = logging.getLogger(__name__)


class FastFileMount:
    """Read-only, for everybody on the machine and in its containers; files root:root 0644, directories 0755.

    Names and sizes are those of `files`; every time stamp is the time of mounting. Served by threads of this process:
    when it ends, the mount answers ENOTCONN until `remove_dead_mounts` takes it away.
    """

    def __init__(self, directory: Path, files: Mapping[PurePosixPath, S3Object], read: Read) -> None:
        """`files`: by their path relative to `directory`. Raises ValueError where one is the folder of another."""
        self._directory = directory
        self._tree = FileTree(files)
        self._blocks = BlockCache(read)
        self._session: Session | None = None
        self.fault: str | None = None
        """The first error of a read from S3, with the object; its reader got EIO."""

    @property
    def bytes_read(self) -> int:
        """How many bytes came from S3 so far, read-ahead included; what had to be fetched again counts again."""
        return self._blocks.bytes_fetched

    def mount(self) -> None:
        """Make the directory and return when it shows the files. For worker threads; raises FastFileError."""
        callbacks, session = load_session()
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FastFileError(f"{self._directory} can't be made ({error.strerror}).") from error
        self._session = session.Session(self._directory, callbacks.Callbacks(self._tree, self._read))

    def close(self) -> None:
        """Take the mount away, whoever uses it; they get errors from then on. May be called again."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _read(self, source: S3Object, offset: int, size: int) -> bytes:
        try:
            return self._blocks.read(source, offset, size)
        except Exception as error:
            if self.fault is None:
                self.fault = f"s3://{source.bucket}/{source.key}: {error}"
                log.warning("A FastFile mount could not read %s", self.fault)
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from error
