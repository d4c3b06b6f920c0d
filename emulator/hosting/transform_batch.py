"""Pure: the bodies of the requests that records become (API CreateTransformJob, BatchStrategy).

"Padding is removed if the value of BatchStrategy is set to SingleRecord. Padding is not removed if the value of
BatchStrategy is set to MultiRecord" (API TransformInput$SplitType): several records go as they are in the object,
line endings and binary framing included, one record goes bare.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from emulator.hosting.transform_split import Record


class Batch(NamedTuple):
    payload: bytes
    records: int


def batches(records: Iterable[Record], strategy: str, limit: int) -> Iterator[Batch]:
    """In the order of the records; `limit` in bytes, as for `split_records`.

    A payload of several records never exceeds the limit; one record alone may do so by its framing.
    """
    if strategy == "SingleRecord":
        yield from (Batch(record.content, 1) for record in records)
        return
    waiting: list[bytes] = []
    size = 0
    for record in records:
        if waiting and size + len(record.framed) > limit:
            yield Batch(b"".join(waiting), len(waiting))
            waiting, size = [], 0
        waiting.append(record.framed)
        size += len(record.framed)
    if waiting:
        yield Batch(b"".join(waiting), len(waiting))
