"""The FIFOs of one Pipe channel: `<channel>_<epoch>`, always one that waits for its reader (DG, Pipe mode).

What a feed must know after a crash of the emulator is in the directory: the FIFO with the highest number is the
current one, and its mode tells whether a reader has come. There the bytes that were under way are lost.

The container may do with the directory what it likes, so nothing here follows a link or trusts a name.
"""

import os
import re
import stat
from errno import ENOENT, ENXIO
from pathlib import Path

FIRST_EPOCH = 0

WAITING = 0o644
BEGUN = 0o444
"""Modes of a FIFO before and after its reader has come."""


class EpochFifos:
    def __init__(self, directory: Path, channel: str) -> None:
        """Take up the channel's FIFOs in an existing directory, or make the first. Raises OSError."""
        self._directory = directory
        self._channel = channel
        found = self._find()
        self.epoch = max(found, default=FIRST_EPOCH)
        self.is_begun = found.get(self.epoch) == BEGUN
        """Somebody was reading the current epoch when its last feed ended."""
        for old in found.keys() - {self.epoch}:
            self.path(old).unlink(missing_ok=True)
        if not found:
            self._make(self.epoch)

    def path(self, epoch: int) -> Path:
        return self._directory / f"{self._channel}_{epoch}"

    def open(self) -> int | None:
        """A non-blocking write end of the current epoch, which has begun by that; None while nobody reads it."""
        try:
            end = _open(self.path(self.epoch), os.O_WRONLY)
        except OSError as error:
            if error.errno in (ENXIO, ENOENT):  # ENOENT: the container removed it, so nobody comes either
                return None
            raise
        os.fchmod(end, BEGUN)
        return end

    def advance(self) -> None:
        """Go to the next epoch, before the write end of this one is closed.

        So whoever sees the end of an epoch finds the next FIFO, and never this one again.
        """
        self._make(self.epoch + 1)
        self.path(self.epoch).unlink(missing_ok=True)
        self.epoch += 1

    def _find(self) -> dict[int, int]:
        """The mode of each FIFO there is."""
        name = re.compile(re.escape(self._channel) + r"_(0|[1-9]\d*)", re.ASCII)
        entries = ((name.fullmatch(entry.name), entry.lstat().st_mode) for entry in self._directory.iterdir())
        return {int(match[1]): stat.S_IMODE(mode) for match, mode in entries if match and stat.S_ISFIFO(mode)}

    def _make(self, epoch: int) -> None:
        os.mkfifo(self.path(epoch), WAITING)
        end = _open(self.path(epoch), os.O_RDONLY)
        try:
            os.fchmod(end, WAITING)  # whatever the umask is
        finally:
            os.close(end)


def _open(path: Path, direction: int) -> int:
    end = os.open(path, direction | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISFIFO(os.fstat(end).st_mode):
        os.close(end)
        raise FileExistsError(f"{path.name} is no FIFO any more.")
    return end
