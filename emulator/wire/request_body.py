"""A request's body, whole and bounded."""

import zlib

from starlette.requests import ClientDisconnect, Request

from emulator.domain.errors import ServiceError
from emulator.wire.serialization import serialization_error

_GZIP = 16 + zlib.MAX_WBITS


async def read_content(request: Request, limit: int) -> bytes:
    """The body, unpacked where the client compressed it: SDKs do so with a large PutMetricData.

    Raises ServiceError, 413 where either form is longer than `limit` bytes.
    """
    body = await read_body(request, limit)
    if request.headers.get("content-encoding", "").strip().lower() != "gzip":
        return body
    unpacker = zlib.decompressobj(_GZIP)
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise serialization_error("The request body is not valid gzip") from None
    if len(content) > limit:
        raise _too_large(limit)
    if not unpacker.eof:
        raise serialization_error("The request body is not valid gzip")
    return content


async def read_body(request: Request, limit: int) -> bytes:
    """Raises ServiceError (413) as soon as the body is known to be longer than `limit` bytes."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except ClientDisconnect:
        raise ServiceError("IncompleteBody", "The connection closed before the body ended.") from None
    return bytes(body)


def _too_large(limit: int) -> ServiceError:
    text = f"The request body is larger than {limit} bytes."
    return ServiceError("RequestEntityTooLargeException", text, status=413)
