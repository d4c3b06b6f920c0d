"""DataCaptureConfig at work: sampled requests and answers, written to S3 behind the callers' backs.

What waits is in memory: it is bounded, and a killed process loses the last seconds of it.
"""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import anyio

from emulator.blocking import blocking
from emulator.clock import Clock
from emulator.domain.arn import ResourceKey
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_uri import S3Uri
from emulator.hosting.container_client import ContainerAnswer
from emulator.hosting.invocation_body import InvocationBody
from emulator.hosting.invocation_request import CUSTOM_ATTRIBUTES, InvocationRequest
from emulator.hosting.json_lines_capture import (
    CaptureBuffer,
    CapturedData,
    CaptureFile,
    CaptureRules,
    Inference,
)
from emulator.hosting.routing import EndpointRoute, VariantRoute
from emulator.objects.object_store import ObjectStore

log = logging.getLogger(__name__)

FLUSH_BYTES, FLUSH_AFTER = 4 * 2**20, timedelta(seconds=5)
"""A file is written at either of them; AWS's own are not established."""

CAPACITY = 64 * 2**20
"""Bytes of one variant's lines that wait, and of all bodies that are being captured: beyond it nothing is captured."""

LOOK_PERIOD = 1.0
STOP_LIMIT = 10.0
"""Seconds for the last files when the emulator goes down."""


@dataclass(eq=False)
class _Bodies:
    """Of one inference; given up as a whole where it is too much."""

    take: Callable[[int], bool]
    """Whether so many bytes more may be held."""
    input: bytearray = field(default_factory=bytearray)
    output: bytearray = field(default_factory=bytearray)
    is_given_up: bool = False

    def add_input(self, piece: bytes) -> None:
        self._add(self.input, piece)

    def add_output(self, piece: bytes) -> None:
        self._add(self.output, piece)

    def _add(self, body: bytearray, piece: bytes) -> None:
        if not self.is_given_up and self.take(len(piece)):
            body += piece
        else:
            self.is_given_up = True

    @property
    def size(self) -> int:
        return len(self.input) + len(self.output)


@dataclass(eq=False)
class Capture:
    """Of one request, from before its body is read until its answer has ended."""

    store: "DataCapture"
    request: InvocationRequest
    rules: CaptureRules
    destination: S3Uri
    variant: str
    bodies: _Bodies
    content_type: str = ""
    custom_attributes: str | None = None

    @contextmanager
    def watching(self, body: InvocationBody) -> Iterator[None]:
        """Around the invocation; one that fails leaves nothing."""
        if body.content is not None:
            self.bodies.add_input(body.content)
        body.on_piece.append(self.bodies.add_input)
        is_success = False
        try:
            yield
            is_success = True
        finally:
            self.store.finish(self, is_success and not self.bodies.is_given_up)

    def see_answer(self, answer: ContainerAnswer) -> None:
        answer.on_chunk.append(self.bodies.add_output)
        self.content_type = answer.headers.get("Content-Type") or ""
        self.custom_attributes = answer.headers.get(CUSTOM_ATTRIBUTES)


class DataCapture:
    def __init__(self, objects: ObjectStore, clock: Clock) -> None:
        self._objects = objects
        self._clock = clock
        self._held = 0
        self._buffers: dict[tuple[ResourceKey, str, S3Uri], CaptureBuffer] = {}
        self._threads = anyio.CapacityLimiter(2)

    def begin(
        self, request: InvocationRequest, route: EndpointRoute, variant: VariantRoute
    ) -> Capture | None:
        """None where the request is not captured. AWS captures no asynchronous ones."""
        config = route.data_capture
        if config is None or request.is_async or config.get("EnableCapture") is False:
            return None
        types = config.get("CaptureContentTypeHeader", {})
        modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        rules = CaptureRules(
            config["InitialSamplingPercentage"],
            modes,
            types.get("CsvContentTypes", ()),
            types.get("JsonContentTypes", ()),
        )
        if not rules.is_sampled(random.random):
            return None
        destination = S3Uri.parse(config["DestinationS3Uri"])
        return Capture(self, request, rules, destination, variant.name, _Bodies(self._take))

    def _take(self, size: int) -> bool:
        if self._held + size > CAPACITY:
            return False
        self._held += size
        return True

    def finish(self, capture: Capture, is_whole: bool) -> None:
        self._held -= capture.bodies.size
        if not is_whole:
            return
        request, now = capture.request, self._clock.now()
        inference = Inference(
            event_id=self._clock.new_id(),
            time=now,
            input=CapturedData(request.text("ContentType") or "", bytes(capture.bodies.input)),
            output=CapturedData(capture.content_type, bytes(capture.bodies.output)),
            inference_id=request.text("InferenceId"),
            custom_attributes=capture.custom_attributes,
        )
        key = (request.key, capture.variant, capture.destination)
        buffer = self._buffers.setdefault(key, CaptureBuffer(FLUSH_BYTES, FLUSH_AFTER, CAPACITY))
        if not buffer.add(capture.rules.line(inference), now):
            log.warning("Endpoint %s: S3 is too slow, an inference was not captured.", request.key.name)

    async def run(self) -> None:
        """Write until cancelled, and then what is left."""
        try:
            while True:
                await anyio.sleep(LOOK_PERIOD)
                await self.flush(lambda buffer: buffer.due(self._clock.now()))
        finally:
            with anyio.move_on_after(STOP_LIMIT, shield=True):
                await self.flush()

    async def flush(self, wanted: Callable[[CaptureBuffer], bool] = lambda _: True) -> None:
        for (key, variant, destination), buffer in list(self._buffers.items()):
            if not wanted(buffer):
                continue
            del self._buffers[key, variant, destination]
            for file in buffer.take():
                name = file.key(destination.key, key.name, variant, self._clock.new_id())
                await self._write(S3Uri(destination.bucket, name), file)

    async def _write(self, target: S3Uri, file: CaptureFile) -> None:
        try:
            await blocking(self._threads, self._write_now, target, file.content)
        except S3Fault as fault:
            log.warning("Captured data was not written to %s: %s", target, fault)
        except Exception:
            log.exception("Captured data was not written to %s.", target)

    def _write_now(self, target: S3Uri, content: bytes) -> None:
        with self._objects.writer(target) as stream:
            stream.write(content)
