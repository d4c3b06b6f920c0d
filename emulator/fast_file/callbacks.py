"""What the kernel asks of a mount, answered from its tree."""

import ctypes
import errno
import logging
import stat
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from emulator.domain.s3_object import S3Object
from emulator.fast_file.block_cache import Read
from emulator.fast_file.file_tree import FileTree, Folder, Node
from emulator.fast_file.libfuse import PROTOTYPES, c_stat, fuse_operations

log = logging.getLogger(__name__)

FOR_EVER = 1e6
"""Seconds for which the kernel may keep what it knows of names and attributes: they do not change."""
STATUS_BLOCK = 512
"""Bytes, the unit of st_blocks."""


class Callbacks:
    def __init__(self, tree: FileTree, read: Read) -> None:
        """An OSError that `read` raises goes to the reader."""
        self._tree, self._read_bytes = tree, read
        self._mounted_at = int(time.time())
        self.operations = fuse_operations()
        """struct fuse_operations; lives as long as this object."""
        for name in ("init", "getattr", "readdir", "open", "read"):
            setattr(self.operations, name, PROTOTYPES[name](_guarded(getattr(self, f"_{name}"))))

    def _init(self, _connection: Any, config: Any) -> None:
        settings = config.contents
        settings.kernel_cache = 1
        settings.entry_timeout = settings.attr_timeout = settings.negative_timeout = FOR_EVER

    def _getattr(self, path: bytes, found: Any, _handle: Any) -> int:
        """Owner and mode as listings of AWS's jobs show them: root, 0755 and 0644 (the zeros are libfuse's)."""
        node, status = self._find(path), found.contents
        if isinstance(node, S3Object):
            status.st_mode, status.st_nlink = stat.S_IFREG | 0o644, 1
            status.st_size, status.st_blocks = node.size, -(-node.size // STATUS_BLOCK)
        else:
            status.st_mode, status.st_nlink = stat.S_IFDIR | 0o755, 2
        for moment in (status.st_atimespec, status.st_mtimespec, status.st_ctimespec):
            moment.tv_sec = self._mounted_at
        return 0

    def _readdir(self, path: bytes, target: Any, fill: Any, *_rest: Any) -> int:
        status = c_stat()
        for name, is_folder in ((b".", True), (b"..", True), *self._folder(path).items()):
            status.st_mode = stat.S_IFDIR if is_folder else stat.S_IFREG
            if fill(target, name, ctypes.pointer(status), 0, 0) != 0:
                return -errno.ENOMEM
        return 0

    def _open(self, path: bytes, _handle: Any) -> int:
        self._file(path)
        return 0

    def _read(self, path: bytes, target: Any, size: int, offset: int, _handle: Any) -> int:
        data = self._read_bytes(self._file(path), offset, size)
        ctypes.memmove(target, data, len(data))
        return len(data)

    def _find(self, path: bytes) -> Node:
        node = self._tree.find(path)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, "no such file")
        return node

    def _file(self, path: bytes) -> S3Object:
        node = self._find(path)
        if isinstance(node, S3Object):
            return node
        raise IsADirectoryError(errno.EISDIR, "a directory")

    def _folder(self, path: bytes) -> Folder:
        node = self._find(path)
        if isinstance(node, S3Object):
            raise NotADirectoryError(errno.ENOTDIR, "a file")
        return node


def _guarded(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """No exception may enter libfuse: they become -errno."""

    @wraps(function)
    def answer(*arguments: Any) -> int | None:
        try:
            return function(*arguments)
        except OSError as error:
            return -(error.errno or errno.EIO)
        except Exception:
            log.exception("A FastFile mount could not answer the kernel.")
            return -errno.EIO

    return answer
