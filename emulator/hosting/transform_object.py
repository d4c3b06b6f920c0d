"""One S3 object of a transform job: its records through the model, in order, to the .out object.

The output is written whole or not at all: "batch transform doesn't upload partially processed objects" (API
TransformOutput$S3OutputPath). In memory there are the payloads and answers of `Instance.window` requests, no more.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, TypeVar

import anyio
from anyio import CancelScope, CapacityLimiter, from_thread
from anyio.lowlevel import checkpoint

from emulator.blocking import blocking
from emulator.domain.failure_reason import JobFailure
from emulator.domain.gzip_stream import gunzipped
from emulator.domain.transform_job import TransformJobRequest
from emulator.exception_groups import innermost
from emulator.hosting.data_processing import DataProcessor
from emulator.hosting.transform_assemble import InOrder
from emulator.hosting.transform_batch import batches
from emulator.hosting.transform_fault import TransformFault
from emulator.hosting.transform_inputs import TransformObject
from emulator.hosting.transform_invocation import Invoker
from emulator.hosting.transform_parameters import TransformParameters
from emulator.hosting.transform_split import payload_limit, split_records
from emulator.objects.object_store import ObjectStore

T = TypeVar("T")

CHUNK = 256 * 1024
"""Bytes read at once."""


@dataclass(frozen=True)
class Pace:
    """What all objects of one instance share, so that it gets no more requests at a time than it wants."""

    requests: anyio.Semaphore
    """MaxConcurrentTransforms."""
    window: anyio.Semaphore
    """Requests from the reading of their records to the writing of their answers: some wait for an earlier one."""

    @classmethod
    def of(cls, parameters: TransformParameters) -> "Pace":
        most = parameters.max_concurrent_transforms
        return cls(anyio.Semaphore(most), anyio.Semaphore(2 * most))


class Transformation(NamedTuple):
    """How the objects of one instance are transformed."""

    request: TransformJobRequest
    parameters: TransformParameters
    processor: DataProcessor
    invoker: Invoker
    objects: ObjectStore
    threads: CapacityLimiter
    pace: Pace


class Asked(NamedTuple):
    payload: bytes
    """As it is in the object."""
    body: bytes
    """As the model gets it."""


async def transform_object(wanted: TransformObject, how: Transformation) -> None:
    """Raises TransformFault or S3Fault; then there is no output."""
    reader, writer = how.objects.reader(wanted.source), how.objects.writer(wanted.output)
    async with in_threads(how.threads, reader) as source, in_threads(how.threads, writer) as sink:
        try:
            await _Run(how, _requests(wanted, source, how), sink).run()
        except ExceptionGroup as faults:
            raise innermost(faults) from faults


@asynccontextmanager
async def in_threads(threads: CapacityLimiter, context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """A context that is entered and left in worker threads; left also where this task is cancelled, and then always
    with an exception: a task group may end without one when the tasks in it were cancelled before their host.
    """
    value = await blocking(threads, context.__enter__)
    try:
        yield value
        await checkpoint()
    except BaseException as error:
        with CancelScope(shield=True):
            await blocking(threads, context.__exit__, type(error), error, error.__traceback__)
        raise
    with CancelScope(shield=True):
        await blocking(threads, context.__exit__, None, None, None)


def _requests(wanted: TransformObject, source: BinaryIO, how: Transformation) -> Iterator[Asked]:
    """For worker threads. Raises TransformFault, S3Fault."""
    given, parameters = how.request.transform_input, how.parameters
    chunks = _chunks(source)
    if given.compression_type == "Gzip":
        chunks = gunzipped(chunks, f"s3://{wanted.source.bucket}/{wanted.source.key}")
    limit = payload_limit(parameters.max_payload_in_mb)
    records = split_records(given.split_type, chunks, limit)
    try:
        for batch in batches(records, parameters.batch_strategy, limit):
            yield Asked(batch.payload, how.processor.for_model(batch.payload))
    except JobFailure as failure:  # gunzipped's
        raise TransformFault(failure.reason) from failure


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    """Raises the cancellation of a stopped job: the next record that is no empty line may be far away."""
    while chunk := source.read(CHUNK):
        yield chunk
        from_thread.check_cancelled()


@dataclass
class _Run:
    how: Transformation
    requests: Iterator[Asked]
    sink: BinaryIO
    _writing: anyio.Lock = field(default_factory=anyio.Lock, init=False)
    _held: int = field(default=0, init=False)
    """Of the window."""

    def __post_init__(self) -> None:
        self._answers = InOrder(self.how.request.transform_output.assemble_with)

    async def run(self) -> None:
        try:
            async with anyio.create_task_group() as asking:
                position = 0
                while (asked := await self._next()) is not None:
                    asking.start_soon(self._ask, position, asked)
                    position += 1
        finally:
            self._leave_window(self._held)

    async def _next(self) -> Asked | None:
        await self.how.pace.window.acquire()
        self._held += 1
        asked = await blocking(self.how.threads, next, self.requests, None)
        if asked is None:
            self._leave_window(1)
        return asked

    async def _ask(self, position: int, asked: Asked) -> None:
        how = self.how
        async with how.pace.requests:
            answer = await how.invoker.invoke(asked.body)
        result = await blocking(how.threads, how.processor.result, asked.payload, answer)
        async with self._writing:
            for output in self._answers.add(position, result):
                await blocking(how.threads, self.sink.write, output)
                self._leave_window(1)

    def _leave_window(self, count: int) -> None:
        for _ in range(count):
            self.how.pace.window.release()
        self._held -= count
