"""The data directory: one emulator at a time, and an identity that outlives the process."""

import fcntl
import os
from pathlib import Path
from typing import TextIO


class DataDir:
    """Layout: `state.db`, `logs.db`, `metrics.db`, `s3/`, `registry/`, `work/`, `sidecars/`, `installation`, `lock`."""

    def __init__(self, path: Path) -> None:
        """Create it, readable by its owner alone. Raises RuntimeError where another emulator has it."""
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path.resolve()
        self._lock = self._take_lock()

    @property
    def installation(self) -> str:
        """Identifies this emulator's containers on an Engine that others use too."""
        file = self.path / "installation"
        if not file.exists():
            partial = file.with_suffix(".partial")
            with partial.open("w", encoding="ascii") as output:
                output.write(os.urandom(8).hex())
                output.flush()
                os.fsync(output.fileno())
            partial.rename(file)
        return file.read_text(encoding="ascii").strip()

    def close(self) -> None:
        self._lock.close()

    def _take_lock(self) -> TextIO:
        lock = (self.path / "lock").open("a", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise RuntimeError(
                f"Another emulator uses the data directory {self.path}; stop it, or choose one with --data-dir."
            ) from error
        return lock
