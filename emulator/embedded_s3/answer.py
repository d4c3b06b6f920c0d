"""What an operation answers, and how it is sent."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import Any

from anyio import CancelScope, CapacityLimiter, create_task_group

from emulator.blocking import blocking
from emulator.embedded_s3 import xml_document
from emulator.embedded_s3.blobs import CHUNK, OpenBlob
from emulator.embedded_s3.body import Receive
from emulator.embedded_s3.errors import S3Error
from emulator.embedded_s3.ranges import ByteRange

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True)
class BlobBody:
    """A range of a blob, which the sending closes."""

    blob: OpenBlob
    range: ByteRange


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | BlobBody = b""

    @classmethod
    def xml(cls, body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> "Answer":
        return cls(status, {"content-type": "application/xml", **(headers or {})}, body)

    @property
    def length(self) -> int:
        return self.body.range.length if isinstance(self.body, BlobBody) else len(self.body)


def error_answer(error: S3Error, resource: str, request_id: str) -> Answer:
    body = xml_document.document(
        "Error",
        xml_document.text("Code", error.code),
        xml_document.text("Message", error.message),
        *(xml_document.text(name, value) for name, value in error.details.items()),
        xml_document.text("Resource", resource),
        xml_document.text("RequestId", request_id),
        xml_document.text("HostId", request_id),
        namespace=None,
    )
    return Answer.xml(body, status=error.status)


@dataclass(frozen=True)
class Channel:
    """The connection of one request."""

    receive: Receive
    send: Send
    is_head: bool
    threads: CapacityLimiter
    """For reading blobs."""

    async def send_answer(self, answer: Answer, extra: Mapping[str, str]) -> None:
        """Send the answer, with `extra` headers; closes its BlobBody in any case."""
        with closing(answer.body.blob) if isinstance(answer.body, BlobBody) else nullcontext():
            await self.send({"type": "http.response.start", **_head(answer, extra)})
            if isinstance(answer.body, BlobBody):
                await self._stream(answer.body)
            else:
                body = b"" if self.is_head else answer.body
                await self.send({"type": "http.response.body", "body": body})

    async def _stream(self, body: BlobBody) -> None:
        async with create_task_group() as tasks:
            tasks.start_soon(self._wait_for_end, tasks.cancel_scope)
            await self._send_chunks(body)
            tasks.cancel_scope.cancel()

    async def _wait_for_end(self, sending: CancelScope) -> None:
        """Stop sending when the client goes away: servers swallow what is sent to nobody."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
        sending.cancel()

    async def _send_chunks(self, body: BlobBody) -> None:
        position, end = body.range.start, body.range.start + body.range.length
        while position < end:
            data = await blocking(self.threads, body.blob.read, position, min(CHUNK, end - position))
            if not data:
                raise OSError("A blob is shorter than its row says.")
            position += len(data)
            await self.send({"type": "http.response.body", "body": data, "more_body": position < end})


def _head(answer: Answer, extra: Mapping[str, str]) -> dict[str, Any]:
    headers = {**extra, **answer.headers}
    if answer.status not in (204, 304):
        headers.setdefault("content-length", str(answer.length))
    raw = [(name.encode("ascii"), _header_value(value)) for name, value in headers.items()]
    return {"status": answer.status, "headers": raw}


def _header_value(value: str) -> bytes:
    # Values that came as headers are latin-1 already; those from XML or a URL may hold anything.
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        raw = value.encode("utf-8")
    return _CONTROL.sub(b" ", raw)
