"""One request to an instance of a transform job: through all containers of the pipeline, with its retries."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import anyio
import httpx

from emulator.domain.transform_job import TransformJobRequest
from emulator.hosting.transform_failure import answer_too_large, bad_status, client_error, no_response
from emulator.hosting.transform_fault import TransformFault
from emulator.hosting.transform_parameters import Told, read_wishes
from emulator.hosting.transform_split import LARGEST_PAYLOAD

RETRY_PAUSE = 1.0
"""Seconds, at real time's pace, before a request is made again; AWS's is not established."""

LARGEST_ANSWER = LARGEST_PAYLOAD
"""Bytes: answers are held in memory."""

LARGEST_MESSAGE = 64 * 2**10
"""Bytes of an error's body that go to the data log."""

PARAMETERS_LIMIT = 60.0
"""Seconds for the answer to `GET /execution-parameters`."""

Headers = dict[str, bytes]

PIECE = 2**20
"""Bytes of a payload that is sent in chunks."""


def open_client() -> httpx.AsyncClient:
    """Straight to the containers: no proxy, as many connections as there are requests, no headers of its own."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    client = httpx.AsyncClient(trust_env=False, timeout=None, limits=limits)
    client.headers.clear()
    return client


async def ask_parameters(client: httpx.AsyncClient, url: str) -> Told:
    """The container's answer to `GET /execution-parameters`, which it need not know."""
    try:
        answer = await client.get(f"{url}/execution-parameters", timeout=PARAMETERS_LIMIT)
    except httpx.HTTPError as error:
        return Told({}, (f"GET /execution-parameters was not answered: {error or type(error).__name__}.",))
    return read_wishes(answer.content) if answer.status_code == httpx.codes.OK else Told({})


@dataclass(frozen=True)
class Invoker:
    client: httpx.AsyncClient
    urls: Sequence[str]
    """Of the pipeline's containers."""
    request: TransformJobRequest
    is_chunked: bool
    """MaxPayloadInMB is 0: "transmitted using HTTP chunked encoding"."""
    time_scale: float

    async def invoke(self, payload: bytes) -> bytes:
        """What the last container makes of it. Raises TransformFault.

        Choice: the first container gets the job's ContentType, each other one that of the answer before; Accept is for
        the last one.
        """
        content_type = self.request.transform_input.content_type
        for position, url in enumerate(self.urls, start=1):
            accept = self.request.transform_output.accept if position == len(self.urls) else None
            named = (("Content-Type", content_type), ("Accept", accept))
            headers = {name: value.encode() for name, value in named if value}
            payload, content_type = await self._ask(url, payload, headers)
        return payload

    async def _ask(self, url: str, payload: bytes, headers: Headers) -> tuple[bytes, str | None]:
        """Choice: what is asked again is a request without an answer, or with one that is not 2xx or 4xx."""
        config = self.request.model_client_config
        fault: TransformFault = no_response()
        for attempt in range(config.invocations_max_retries + 1):
            if attempt:
                await anyio.sleep(RETRY_PAUSE * self.time_scale)
            try:
                with anyio.fail_after(config.invocations_timeout_in_seconds):
                    answer, body = await self._post(url, payload, headers)
            except (httpx.HTTPError, TimeoutError):
                fault = no_response()
                continue
            if answer.is_success:
                return body, answer.headers.get("Content-Type")
            if answer.is_client_error:
                raise client_error(answer.status_code, body)
            fault = bad_status(answer.status_code, body)
        raise fault

    async def _post(self, url: str, payload: bytes, headers: Headers) -> tuple[httpx.Response, bytes]:
        """The answer and its body; an error's body is cut off."""
        content = _pieces(payload) if self.is_chunked else payload
        asked = self.client.stream("POST", f"{url}/invocations", content=content, headers=headers)
        async with asked as answer:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if answer.is_success and len(body) > LARGEST_ANSWER:
                    raise answer_too_large(LARGEST_ANSWER)
                if not answer.is_success and len(body) > LARGEST_MESSAGE:
                    break
            return answer, bytes(body) if answer.is_success else bytes(body[:LARGEST_MESSAGE])


async def _pieces(payload: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(payload), PIECE):
        yield payload[begin : begin + PIECE]
