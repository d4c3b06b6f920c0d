"""FastFile mode: a read-only directory of S3 objects whose bytes are fetched when they are read.

Hides FUSE. Whoever wants such a directory needs `availability`, `FastFileMount` and, at the start of the emulator,
`remove_dead_mounts`.
"""

from emulator.fast_file.fast_file_mount import FastFileMount
from emulator.fast_file.faults import FastFileError
from emulator.fast_file.mount_table import remove_dead_mounts
from emulator.fast_file.prerequisites import availability

__all__ = ["FastFileError", "FastFileMount", "availability", "remove_dead_mounts"]
