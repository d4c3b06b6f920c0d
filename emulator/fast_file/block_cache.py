"""Bytes of S3 objects in blocks: the kernel asks for 128 KiB at a time, S3 is asked for a MiB or more.

One block is fetched where the reader jumps to, `RUN_BLOCKS` at once where it goes on from the block before. What is
read through is kept by the kernel's page cache, so ours holds only what is about to be read.
"""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

from emulator.domain.s3_object import S3Object
from emulator.fast_file.faults import FastFileError

BLOCK_BYTES = 1 << 20
RUN_BLOCKS = 4
CAPACITY_BLOCKS = 32

Read = Callable[[S3Object, int, int], bytes]
"""(object, offset, length) -> exactly so many of its bytes; raises where they can't be had, or not any more."""

Block = tuple[S3Object, int]
"""The object, and the number of the block in it, from 0."""


class BlockCache:
    """For several threads. What two ask for at once is fetched once."""

    def __init__(self, read: Read, block_bytes: int = BLOCK_BYTES, capacity: int = CAPACITY_BLOCKS) -> None:
        """`capacity` in blocks; what is being fetched may exceed it by one run for each thread that reads."""
        self._read = read
        self._block_bytes = block_bytes
        self._capacity = capacity
        self._blocks: OrderedDict[Block, Future[bytes]] = OrderedDict()
        self._lock = Lock()
        self.bytes_fetched = 0
        """From S3, read-ahead included; a byte that had to be fetched again counts again."""

    def read(self, source: S3Object, offset: int, size: int) -> bytes:
        """Fewer bytes than `size` only at the end of the object. Raises what `read` raises."""
        end = min(offset + size, source.size)
        if offset >= end:
            return b""
        first, last = offset // self._block_bytes, (end - 1) // self._block_bytes
        data = b"".join(self._block(source, number) for number in range(first, last + 1))
        start = offset - first * self._block_bytes
        return data[start : start + end - offset]

    def _block(self, source: S3Object, number: int) -> bytes:
        with self._lock:
            block = self._blocks.get((source, number))
            run = [] if block is not None else self._reserve(source, number)
        if block is not None:
            return block.result()
        self._fetch(source, number, run)
        return run[0].result()

    def _reserve(self, source: S3Object, number: int) -> list[Future[bytes]]:
        """Places for the blocks to fetch now, from `number` on. Also marks them and their elder as used last."""
        goes_on = (source, number - 1) in self._blocks
        end = number + (RUN_BLOCKS if goes_on else 1)
        run: list[Future[bytes]] = []
        while (
            number < end and number * self._block_bytes < source.size and (source, number) not in self._blocks
        ):
            run.append(Future())
            self._blocks[source, number] = run[-1]
            number += 1
        while len(self._blocks) > self._capacity:
            self._blocks.popitem(last=False)
        return run

    def _fetch(self, source: S3Object, number: int, run: list[Future[bytes]]) -> None:
        """Settle the futures of `run`, whatever happens."""
        offset = number * self._block_bytes
        length = min(len(run) * self._block_bytes, source.size - offset)
        try:
            data = self._read(source, offset, length)
            if len(data) != length:
                raise FastFileError(f"S3 sent {len(data)} bytes where {length} were asked for")
        except BaseException as error:
            self._give_up(source, number, run, error)
            return
        with self._lock:
            self.bytes_fetched += length
        for index, block in enumerate(run):
            block.set_result(data[index * self._block_bytes : (index + 1) * self._block_bytes])

    def _give_up(self, source: S3Object, number: int, run: list[Future[bytes]], error: BaseException) -> None:
        """Those who wait get the error; the next read tries again."""
        with self._lock:
            for index, block in enumerate(run):
                if self._blocks.get((source, number + index)) is block:
                    del self._blocks[source, number + index]
        for block in run:
            block.set_exception(error)
