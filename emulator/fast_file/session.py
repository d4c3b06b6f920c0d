"""One FUSE mount with the threads that answer for it. Importing this needs libfuse: go through `load_session`."""

import ctypes
import errno
import os
import select
import threading
import time
from contextlib import suppress
from pathlib import Path

from emulator.fast_file.callbacks import Callbacks
from emulator.fast_file.faults import FastFileError
from emulator.fast_file.libfuse import Arguments, Request, lib
from emulator.fast_file.mount_table import KIND, detach

THREADS = 8
"""Of one mount, and so the number of requests to S3 that it may have at once."""
OPTIONS = f"ro,allow_other,default_permissions,fsname={KIND},subtype={KIND}"
ANSWER_LIMIT = 10
"""Seconds for the kernel's first request, which it sends when it mounts."""

_making = threading.Lock()
"""libfuse's own bookkeeping over all mounts is not for several threads."""


class Session:
    def __init__(self, directory: Path, callbacks: Callbacks) -> None:
        """Returns when `directory` answers; the callbacks are called by several threads. Raises FastFileError."""
        self._directory, self._callbacks = directory, callbacks
        self._fuse = _mount(directory, callbacks)
        self._session = lib.fuse_get_session(self._fuse)
        self._device = lib.fuse_session_fd(self._session)
        os.set_blocking(self._device, False)
        self._turn = threading.Lock()
        self._is_over = False
        self._end, self._ending = os.pipe()
        self._poll = select.poll()
        self._poll.register(self._device, select.POLLIN)
        self._poll.register(self._end, select.POLLIN)
        self._threads = [threading.Thread(target=self._serve, name=KIND, daemon=True) for _ in range(THREADS)]
        is_answered = self._answer_first()
        for thread in self._threads:
            thread.start()
        if not is_answered:
            self.close()
            raise FastFileError(f"The kernel does not use the mount at {directory}.")

    def _answer_first(self) -> bool:
        """It settles how large requests may be, so nobody may make room for others before."""
        request = Request()
        deadline = time.monotonic() + ANSWER_LIMIT
        is_answered = False
        while not is_answered and time.monotonic() < deadline:
            is_answered = self._answer_one(request, ANSWER_LIMIT)
        request.free()
        return is_answered

    def _serve(self) -> None:
        request = Request()
        while not self._is_over:
            self._answer_one(request)
        request.free()

    def _answer_one(self, request: Request, limit: float | None = None) -> bool:
        """One thread at a time waits; when it has a request, another takes its place while it answers."""
        with self._turn:
            self._poll.poll(None if limit is None else limit * 1000)
            if self._is_over:
                return False
            size = lib.fuse_session_receive_buf(self._session, ctypes.byref(request))
        if size > 0:
            lib.fuse_session_process_buf(self._session, ctypes.byref(request))
        elif size not in (-errno.EAGAIN, -errno.EINTR):
            self._is_over = True
        return bool(size > 0)

    def close(self) -> None:
        """Take the mount away at once, also while files are open or being read: their readers get an error.

        To be called once. A thread that waits for S3 ends when S3 answers.
        """
        self._is_over = True
        with suppress(OSError):
            detach(self._directory)
        lib.fuse_session_exit(self._session)
        # Closing the device makes the kernel end the connection. A thread may still send its answer to this
        # descriptor, so it must not become somebody else's file meanwhile.
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(nowhere, self._device, inheritable=False)
        os.close(nowhere)
        os.close(self._ending)
        threading.Thread(target=self._free, name=KIND, daemon=True).start()

    def _free(self) -> None:
        for thread in self._threads:
            thread.join()
        os.close(self._end)
        with _making:
            lib.fuse_destroy(self._fuse)


def _mount(directory: Path, callbacks: Callbacks) -> int:
    """libfuse's handle of the new mount. Raises FastFileError."""
    words = (ctypes.c_char_p * 3)(b"fast-file", b"-o", OPTIONS.encode())
    arguments = Arguments(len(words), words, 0)
    operations = callbacks.operations
    with _making:
        fuse = lib.fuse_new(
            ctypes.byref(arguments), ctypes.byref(operations), ctypes.sizeof(operations), None
        )
        lib.fuse_opt_free_args(ctypes.byref(arguments))
        if not fuse:
            raise FastFileError("libfuse refuses the options of a FastFile mount.")
        if lib.fuse_mount(fuse, os.fsencode(directory)) == 0:
            return int(fuse)
        reason = os.strerror(ctypes.get_errno())
        lib.fuse_destroy(fuse)
    raise FastFileError(f"libfuse can't mount {directory} ({reason}).")
