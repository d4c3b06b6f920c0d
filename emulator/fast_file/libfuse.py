"""libfuse 3 by ctypes: the functions that a mount needs. Its import raises OSError or AttributeError without libfuse.

mfusepy tells how libfuse's structures look in each of its versions. Its class FUSE is not used: it runs `fuse_main`,
which makes `/` the working directory of the process and takes SIGTERM and SIGHUP.
"""

import ctypes

import mfusepy  # type: ignore[import-untyped]

fuse_operations = mfusepy.fuse_operations
c_stat = mfusepy.c_stat

PROTOTYPES = dict(fuse_operations._fields_)
"""Callback name -> its C type."""


class Arguments(ctypes.Structure):
    """struct fuse_args"""

    _fields_ = (
        ("argc", ctypes.c_int),
        ("argv", ctypes.POINTER(ctypes.c_char_p)),
        ("allocated", ctypes.c_int),
    )


class Request(ctypes.Structure):
    """struct fuse_buf, with room for what later versions append. libfuse allocates `mem`, we free it."""

    mem: int | None
    _fields_ = (
        ("size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("mem", ctypes.c_void_p),
        ("fd", ctypes.c_int),
        ("pos", ctypes.c_longlong),
        ("later", ctypes.c_uint64 * 8),
    )

    def free(self) -> None:
        _libc.free(self.mem)
        self.mem = None


def _load(name: str) -> ctypes.CDLL:
    library = ctypes.CDLL(name, use_errno=True)
    pointer, to_request = ctypes.c_void_p, ctypes.POINTER(Request)
    to_arguments, to_operations = ctypes.POINTER(Arguments), ctypes.POINTER(fuse_operations)
    for function, result, arguments in (
        ("fuse_new", pointer, (to_arguments, to_operations, ctypes.c_size_t, pointer)),
        ("fuse_opt_free_args", None, (to_arguments,)),
        ("fuse_mount", ctypes.c_int, (pointer, ctypes.c_char_p)),
        ("fuse_destroy", None, (pointer,)),
        ("fuse_get_session", pointer, (pointer,)),
        ("fuse_session_fd", ctypes.c_int, (pointer,)),
        ("fuse_session_exit", None, (pointer,)),
        ("fuse_session_receive_buf", ctypes.c_int, (pointer, to_request)),
        ("fuse_session_process_buf", None, (pointer, to_request)),
    ):
        loaded = getattr(library, function)
        loaded.restype, loaded.argtypes = result, arguments
    return library


if mfusepy.fuse_version_major != 3:
    raise OSError(f"libfuse {mfusepy.fuse_version_major} is loaded already")
lib = _load(mfusepy._libfuse._name)
_libc = ctypes.CDLL(None)
_libc.free.argtypes = (ctypes.c_void_p,)
