"""AWS's event stream (application/vnd.amazon.eventstream), as InvokeEndpointWithResponseStream answers.

A message: total length, length of the headers, CRC32 of these two, headers, payload, CRC32 of all before it; numbers
are big-endian. Sources: Smithy's "Amazon Event Stream Specification", API ResponseStream.
"""

import json
import struct
from binascii import crc32
from collections.abc import Iterator, Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
STRING = 7
"""The type of a header's value; nothing here needs another one."""

PART_LIMIT = 1024 * 1024
"""Bytes of a payload part: clients refuse messages from 16 MiB on."""

MESSAGE_LIMIT = 2048
"""Characters, API ModelStreamError$Message."""


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    lengths = struct.pack(">II", 4 + 8 + len(encoded) + len(payload) + 4, len(encoded))
    body = b"".join((lengths, struct.pack(">I", crc32(lengths)), encoded, payload))
    return body + struct.pack(">I", crc32(body))


def payload_parts(data: bytes) -> Iterator[bytes]:
    """Bytes of the model's answer as events, none for no bytes."""
    headers = {
        ":event-type": "PayloadPart",
        ":content-type": "application/octet-stream",
        ":message-type": "event",
    }
    for begin in range(0, len(data), PART_LIMIT):
        yield message(headers, data[begin : begin + PART_LIMIT])


def model_stream_error(error_code: str, text: str) -> bytes:
    """The last message. `error_code`: ModelInvocationTimeExceeded or StreamBroken (API ModelStreamError$ErrorCode)."""
    return _exception("ModelStreamError", {"Message": text[:MESSAGE_LIMIT], "ErrorCode": error_code})


def internal_stream_failure(text: str) -> bytes:
    """The last message."""
    return _exception("InternalStreamFailure", {"Message": text[:MESSAGE_LIMIT]})


def _exception(name: str, members: Mapping[str, str]) -> bytes:
    headers = {
        ":exception-type": name,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return message(headers, json.dumps(members).encode())


def _header(name: str, value: str) -> bytes:
    encoded_name, encoded = name.encode(), value.encode()
    return b"".join(
        (bytes([len(encoded_name)]), encoded_name, struct.pack(">BH", STRING, len(encoded)), encoded)
    )
