"""Reads the CSV files in this host's channel directory: label first, then the features, no header."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Shards:
    files: list[str]
    features: np.ndarray
    labels: np.ndarray

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def width(self) -> int:
        return self.features.shape[1]

    def of_width(self, width: int) -> Shards:
        """Shards that hold no row take the width that the other hosts found."""
        return self if self.rows else Shards(self.files, np.empty((0, width)), self.labels)


def read_shards(channel: Path) -> Shards:
    """With ShardedByS3Key a host may get no file, perhaps not even the directory."""
    paths = sorted(path for path in channel.rglob("*") if path.is_file())
    tables = [np.loadtxt(path, delimiter=",", ndmin=2) for path in paths if path.stat().st_size]
    files = [str(path.relative_to(channel)) for path in paths]
    if not tables:
        return Shards(files, np.empty((0, 0)), np.empty(0))
    table = np.vstack(tables)
    return Shards(files, table[:, 1:], table[:, 0])
