"""Pure: gzip data, decompressed as it comes (API Channel$CompressionType)."""

import zlib
from collections.abc import Iterable, Iterator

from emulator.domain.failure_reason import data_download_failed

CHUNK = 256 * 1024
"""Bytes at most of a decompressed chunk, however much the data swells."""

GZIP = 16 + zlib.MAX_WBITS


def gunzipped(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The content of all members, one after the other. Nothing at all is the content of nothing.

    Zeros behind a member are padding, as gzip itself has it. Raises JobFailure, which names the object `name`,
    where the data is damaged, cut off, or no gzip.
    """
    member, padding = None, b""
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if member is None:
                    data = data.lstrip(padding)
                    member = zlib.decompressobj(GZIP) if data else None
                    continue
                if content := member.decompress(data, CHUNK):
                    yield content
                data = member.unconsumed_tail
                if member.eof:
                    data, member, padding = member.unused_data, None, b"\0"
    except zlib.error as error:
        raise data_download_failed(f"{name} is not in gzip format or damaged: {error}.") from error
    if member is not None:
        raise data_download_failed(f"{name} is not whole: its gzip data ends too early.")
