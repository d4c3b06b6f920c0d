"""What a Pipe channel's FIFO carries: the records of an epoch, decompressed and wrapped as the channel wants it.

Without a wrapper there is nothing between two records (API Channel$RecordWrapperType).
"""

from collections.abc import Callable, Iterator, Sequence
from errno import ENOSPC
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO

from emulator.domain.channel import Channel
from emulator.domain.failure_reason import data_download_failed
from emulator.domain.gzip_stream import gunzipped
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.objects.object_store import ObjectStore
from emulator.training.channel_units import Record, Unit
from emulator.training.read_ahead import Chunks
from emulator.training.record_io import framed, framed_of_unknown_length
from emulator.training.shuffle import Share, epoch_units

CHUNK = 256 * 1024
SPOOLED_IN_MEMORY = 8 * 2**20
"""Bytes of a decompressed record; longer ones wait on disk for their length, 512 MiB at a time."""


class PipeContent:
    """One channel's way from records to bytes."""

    def __init__(self, channel: Channel, objects: ObjectStore, spool_dir: Path) -> None:
        """`spool_dir` exists, and takes at most 512 MiB at a time, of a compressed channel in RecordIO alone."""
        self._channel = channel
        self._is_gzip = channel.compression_type == "Gzip"
        self._is_record_io = channel.record_wrapper_type == "RecordIO"
        self._objects = objects
        self._spool_dir = spool_dir

    def epochs(self, units: Sequence[Unit], hosts: Sequence[str], host: str) -> Callable[[int], Chunks]:
        """Epoch -> what `host` reads in it, for PipeFeed.

        `units` are the whole channel's, in the order of the source; `hosts` are those that receive the channel.
        """
        shuffle = self._channel.shuffle_config
        share = Share(host, hosts, self._channel.is_sharded, shuffle.seed if shuffle else None)

        def chunks(epoch: int) -> Chunks:
            yield from self.chunks(epoch_units(units, share, epoch))

        return chunks

    def chunks(self, units: Sequence[Unit]) -> Chunks:
        """For a worker thread: all records. Closing it closes the connection. Raises JobFailure."""
        for unit in units:
            for record in unit:
                try:
                    yield from self._record(record)
                except S3Fault as fault:
                    raise data_download_failed(f"{self._place(record)}: {fault}") from fault
                except OSError as error:
                    if error.errno != ENOSPC:
                        raise
                    raise data_download_failed("Insufficient disk space") from error

    def _record(self, record: Record) -> Iterator[bytes]:
        if isinstance(record, bytes):
            yield from framed([record], len(record)) if self._is_record_io else [record]
            return
        with self._objects.reader(record) as file:
            content = _read(file)
            if self._is_gzip:
                content = gunzipped(content, self._place(record))
            if self._is_record_io and self._is_gzip:
                content = framed_of_unknown_length(content, self._spool)
            elif self._is_record_io:
                content = framed(content, record.size)
            yield from content

    def _spool(self) -> IO[bytes]:
        return SpooledTemporaryFile(SPOOLED_IN_MEMORY, dir=str(self._spool_dir))

    def _place(self, record: Record) -> str:
        """Where a fault was met."""
        what = f"the object s3://{record.bucket}/{record.key}" if isinstance(record, S3Object) else "a record"
        return f"channel {self._channel.channel_name}: {what}"


def _read(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(CHUNK), b"")
