"""A request's body: its payload as a stream, or as a small document."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from emulator.aws_chunked import ChunkedDecoder, MalformedChunkError, is_aws_chunked
from emulator.embedded_s3 import errors
from emulator.embedded_s3.digests import Declared, Digests

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

DOCUMENT_LIMIT = 8 * 1024 * 1024
"""Bytes of an XML body: 1,000 keys to delete or 10,000 parts to complete, and room."""

PUT_LIMIT = 5 * 1024**3
"""Bytes that S3 takes at once."""


class ClientGoneError(Exception):
    """The client has closed the connection before its request was complete; nobody reads an answer."""


class RequestBody:
    def __init__(self, receive: Receive, headers: Mapping[str, str]) -> None:
        self.trailers: Mapping[str, str] = {}
        self.is_untouched = True
        """Nothing was asked of it yet: a client that expects `100 Continue` has not sent it."""
        self._receive = receive
        self._headers = headers

    def declared(self) -> Declared:
        """Raises what Declared.from_headers does."""
        return Declared.from_headers(self._headers)

    async def payload(self) -> AsyncIterator[bytes]:
        """The payload, freed from aws-chunked. Raises ClientGoneError, IncompleteBody, EntityTooLarge."""
        size = 0
        async for data in self._decoded():
            size += len(data)
            if size > PUT_LIMIT:
                raise errors.entity_too_large(size, PUT_LIMIT)
            yield data

    async def _decoded(self) -> AsyncIterator[bytes]:
        if not is_aws_chunked(self._headers):
            async for data in self._raw():
                yield data
            return
        decoder = ChunkedDecoder()
        try:
            async for data in self._raw():
                yield decoder.feed(data)
            decoder.finish()
        except MalformedChunkError as error:
            raise errors.incomplete_body() from error
        self.trailers = decoder.trailers

    async def _raw(self) -> AsyncIterator[bytes]:
        self.is_untouched = False
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientGoneError
            yield message.get("body", b"")
            if not message.get("more_body", False):
                return

    async def document(self) -> bytes:
        """The whole payload of a request with an XML body, verified. Raises MalformedXML, BadDigest, ..."""
        declared = self.declared()
        digests = Digests(declared.algorithms)
        payload = bytearray()
        async for data in self.payload():
            payload += data
            if len(payload) > DOCUMENT_LIMIT:
                raise errors.malformed_xml()
        digests.update(bytes(payload))
        declared.verify(digests, len(payload), self.trailers)
        return bytes(payload)
