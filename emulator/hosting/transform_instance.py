"""The part of a transform job's objects that one instance does."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import anyio

from emulator.domain.s3_fault import S3Fault
from emulator.exception_groups import innermost
from emulator.hosting.transform_fault import TransformFault
from emulator.hosting.transform_inputs import TransformObject
from emulator.hosting.transform_log import DataLog
from emulator.hosting.transform_object import Transformation, transform_object


@dataclass
class TransformInstance:
    how: Transformation
    log: DataLog
    on_done: Callable[[TransformObject], Awaitable[None]]
    """Called when the output of an object is written."""
    faults: list[TransformFault] = field(default_factory=list, init=False)
    """Of objects, in the order in which they occurred."""

    async def transform(self, share: Sequence[TransformObject]) -> None:
        """As many objects at a time as requests, since one of a single record makes but one.

        What is wrong with an object does not keep the others from their output (DG batch-transform-errors).
        """
        waiting = iter(share)
        try:
            async with anyio.create_task_group() as workers:
                for _ in range(min(len(share), self.how.parameters.max_concurrent_transforms)):
                    workers.start_soon(self._work, waiting)
        except ExceptionGroup as faults:
            raise innermost(faults) from faults

    async def _work(self, waiting: Iterator[TransformObject]) -> None:
        """One worker of several: they share the iterator."""
        for wanted in waiting:
            try:
                await transform_object(wanted, self.how)
            except TransformFault as fault:
                await self._note(wanted, fault)
            except S3Fault as fault:
                await self._note(wanted, TransformFault(str(fault)))
            else:
                await self.on_done(wanted)

    async def _note(self, wanted: TransformObject, fault: TransformFault) -> None:
        self.faults.append(fault)
        await self.log.say(str(fault).split("\n"), about=wanted.source)
