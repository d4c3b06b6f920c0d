"""How answers of models and errors go to callers of sagemaker-runtime."""

import json
from collections.abc import Mapping
from typing import Any

import anyio

from emulator.domain.errors import ServiceError
from emulator.hosting.container_message import ContainerFault, ContainerTimeout
from emulator.hosting.invocation import ModelAnswer
from emulator.hosting.invocation_errors import InvocationError, stream_timed_out
from emulator.hosting.invocation_request import CLOSED_SESSION_ID, CUSTOM_ATTRIBUTES, NEW_SESSION_ID
from emulator.relay import Send
from emulator.wire.event_stream import CONTENT_TYPE, model_stream_error, payload_parts

VARIANT = "x-Amzn-Invoked-Production-Variant"
_RETURNED = ("Content-Type", CUSTOM_ATTRIBUTES, NEW_SESSION_ID, CLOSED_SESSION_ID)
"""All that a caller sees of a container's headers."""


class RuntimeAnswer:
    """One answer; `has_begun` tells whether it is too late for an error."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.has_begun = False

    async def pass_on(self, found: ModelAnswer) -> None:
        """InvokeEndpoint: the container's bytes as they come. Raises ContainerFault where they break off."""
        headers = model_headers(found)
        if found.answer.content is not None:
            await self.send_whole(200, headers, found.answer.take_content())
            return
        await self._begin(200, headers)
        async for chunk in found.answer.chunks():
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._end()

    async def stream(self, limit: float, found: ModelAnswer) -> None:
        """InvokeEndpointWithResponseStream: the same as events. What breaks off ends with an event of its own, and so
        does what takes more than `limit` seconds.
        """
        returned = _returned(found)
        headers = {"Content-Type": CONTENT_TYPE, VARIANT: found.variant}
        if "Content-Type" in returned:
            headers["X-Amzn-SageMaker-Content-Type"] = returned["Content-Type"]
        if CUSTOM_ATTRIBUTES in returned:
            headers[CUSTOM_ATTRIBUTES] = returned[CUSTOM_ATTRIBUTES]
        await self._begin(200, headers)
        try:
            with anyio.move_on_after(limit) as scope:
                await self._send_parts(found)
            if scope.cancelled_caught:
                raise ContainerTimeout(f"the stream took more than {limit:g} s")
        except ContainerFault as fault:
            await self._break_stream(found.container, fault)
            raise
        await self._end()

    async def _send_parts(self, found: ModelAnswer) -> None:
        async for chunk in found.answer.chunks():
            for part in payload_parts(chunk):
                await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def _break_stream(self, container: str, fault: ContainerFault) -> None:
        code, text = "StreamBroken", f"The stream broke off: {fault}."
        if fault.is_timeout:
            code, text = "ModelInvocationTimeExceeded", stream_timed_out(container)
        event = model_stream_error(code, text)
        await self._send({"type": "http.response.body", "body": event, "more_body": True})
        await self._end()

    async def send_error(self, error: ServiceError) -> None:
        """AWS's front end refuses too large a payload without a code."""
        named = {"__type": error.code} if error.code else {}
        members = error.members if isinstance(error, InvocationError) else {}
        body = {**named, "message": error.message, "Message": error.message, **members}
        headers = {"x-amzn-ErrorType": error.code} if error.code else {}
        await self.send_json(error.status, body, headers)

    async def send_json(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        content = json.dumps(body).encode()
        await self.send_whole(status, {"Content-Type": "application/json", **headers}, content)

    async def send_whole(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        await self._begin(status, {**headers, "Content-Length": str(len(content))})
        await self._send({"type": "http.response.body", "body": content})

    async def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.has_begun = True
        raw = raw_headers(self.request_id, headers)
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def _end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})


def model_headers(found: ModelAnswer) -> dict[str, str]:
    """Of the answer to InvokeEndpoint."""
    headers = {**_returned(found), VARIANT: found.variant}
    if found.answer.length is not None:
        headers["Content-Length"] = str(found.answer.length)
    return headers


def raw_headers(request_id: str, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """With the bytes that the container sent."""
    named = {"x-amzn-RequestId": request_id, **headers}
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]


def _returned(found: ModelAnswer) -> dict[str, str]:
    headers = found.answer.headers
    return {name: value for name in _RETURNED if (value := headers.get(name)) is not None}
