"""One request to an instance of a transform job: through all containers of the pipeline, with its retries."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import anyio

from emulator.domain.transform_job import TransformJobRequest
from emulator.hosting.container_client import ContainerClient
from emulator.hosting.container_message import ContainerFault
from emulator.hosting.invocation_body import InvocationBody, whole_body
from emulator.hosting.transform_failure import (
    VERDICT_LIMIT,
    answer_too_large,
    bad_status,
    client_error,
    no_response,
)
from emulator.hosting.transform_parameters import Told, read_wishes
from emulator.hosting.transform_split import LARGEST_PAYLOAD

RETRY_PAUSE = 1.0
"""Seconds before a request is made again; AWS's is not established."""

LARGEST_ANSWER = LARGEST_PAYLOAD
"""Bytes: answers are held in memory."""

LARGEST_MESSAGE = 64 * 2**10
"""Bytes of an error's body that go to the data log, and of the answer to `GET /execution-parameters`."""

PARAMETERS_LIMIT = 60.0
"""Seconds for the answer to `GET /execution-parameters`."""

PIECE = 2**20
"""Bytes of a payload that is sent in chunks."""


async def ask_parameters(client: ContainerClient, url: str) -> Told:
    """The container's answer to `GET /execution-parameters`, which it need not know."""
    try:
        asked = client.send("GET", f"{url}/execution-parameters", {}, whole_body(b""), PARAMETERS_LIMIT)
        async with asked as answer:
            content, _ = await answer.read_start(LARGEST_MESSAGE)
    except ContainerFault as fault:
        return Told({}, (f"GET /execution-parameters: {fault}, so nothing is known from it.",))
    return read_wishes(content) if answer.is_success else Told({})


class Answer(NamedTuple):
    status: int
    body: bytes
    """An error's is cut off."""
    content_type: str | None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_client_error(self) -> bool:
        return 400 <= self.status < 500


@dataclass(frozen=True)
class Invoker:
    client: ContainerClient
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
            answer = await self._ask(url, payload, {name: value for name, value in named if value})
            payload, content_type = answer.body, answer.content_type
        return payload

    async def _ask(self, url: str, payload: bytes, headers: dict[str, str]) -> Answer:
        """Choice: what is asked again is a request without an answer, or with one that is neither 2xx nor 4xx."""
        config = self.request.model_client_config
        for attempts_left in range(config.invocations_max_retries, -1, -1):
            answer = await self._try(url, payload, headers)
            if answer is not None and answer.is_success:
                return answer
            if answer is not None and answer.is_client_error:
                raise client_error(answer.status, answer.body)
            if attempts_left:
                await anyio.sleep(RETRY_PAUSE * self.time_scale)
        if answer is not None:
            raise bad_status(answer.status, answer.body)
        await anyio.sleep(VERDICT_LIMIT)
        raise no_response()

    async def _try(self, url: str, payload: bytes, headers: dict[str, str]) -> Answer | None:
        """None where there is no answer, or none in time."""
        try:
            with anyio.fail_after(self.request.model_client_config.invocations_timeout_in_seconds):
                return await self._post(url, payload, headers)
        except (ContainerFault, TimeoutError):
            return None

    async def _post(self, url: str, payload: bytes, headers: dict[str, str]) -> Answer:
        body = InvocationBody(_pieces(payload)) if self.is_chunked else whole_body(payload)
        limit = float(self.request.model_client_config.invocations_timeout_in_seconds)
        async with self.client.send("POST", f"{url}/invocations", headers, body, limit) as answer:
            content_type = answer.headers.get("Content-Type")
            if not answer.is_success:
                start, _ = await answer.read_start(LARGEST_MESSAGE)
                return Answer(answer.status, start, content_type)
            content = bytearray()
            async for chunk in answer.chunks():
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise answer_too_large(LARGEST_ANSWER)
            return Answer(answer.status, bytes(content), content_type)


async def _pieces(payload: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(payload), PIECE):
        yield payload[begin : begin + PIECE]
