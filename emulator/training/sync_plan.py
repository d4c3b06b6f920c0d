"""Pure: what has to be done so that S3 has what a host's directory has.

Sources: DG model-checkpoints (files are uploaded as they appear, deleted where they are deleted); the suffixes are
those that sagemaker-xgboost-container's checkpointing.py looks for.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from emulator.domain.cluster import FileState

UPLOADING = ".sagemaker-uploading"
UPLOADED = ".sagemaker-uploaded"
NOT_UPLOADED = (UPLOADING, UPLOADED, ".sagemaker-ignore")

Files = Mapping[str, FileState]
"""Relative path -> state."""

MOST_TOGETHER = 2**30
"""Bytes of small files that are read in one pass."""
ONE_MORE_READ = 13 * 2**20
"""Bytes that the Engine streams in the time that one more request takes it (docs/decisions/012-checkpoints.md)."""


class SyncPlan(NamedTuple):
    uploads: dict[str, FileState]
    deletions: list[str]


def plan_sync(synced: Files, previous: Files, now: Files) -> SyncPlan:
    """`synced` is what S3 has by this host, or had at the start; `previous` and `now` are two looks at the directory.

    A file counts when two looks saw it alike, so none is taken while it is being written. Only what this host
    brought to S3, or got from there, is deleted.
    """
    changed = {path: state for path, state in now.items() if synced.get(path) != state}
    uploads = {
        path: state
        for path, state in changed.items()
        if previous.get(path) == state and not path.endswith(NOT_UPLOADED)
    }
    return SyncPlan(uploads, [path for path in synced if path not in now])


def read_batches(uploads: Files, now: Files) -> Iterator[dict[str, FileState]]:
    """The uploads, in the portions in which they are cheapest to read: all in one pass, or each by itself."""
    size, total = (sum(state.size for state in files.values()) for files in (uploads, now))
    if uploads and size <= MOST_TOGETHER and total <= len(uploads) * ONE_MORE_READ:
        yield dict(uploads)
        return
    for path, state in uploads.items():
        yield {path: state}
