"""Pure: which waiting jobs start now.

First come, first served; a smaller job may go ahead of one that still waits for room, but no job is overtaken more
than MAX_OVERTAKEN times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_OVERTAKEN = 8


@dataclass(frozen=True)
class Waiting:
    arn: str
    memory_bytes: int
    gpus: int
    overtaken: int = 0
    """How often a job behind it was admitted while it waited."""


@dataclass(frozen=True)
class Room:
    memory_bytes: int
    gpus: int

    def holds(self, job: Waiting) -> bool:
        return job.memory_bytes <= self.memory_bytes and job.gpus <= self.gpus

    def without(self, job: Waiting) -> "Room":
        return Room(self.memory_bytes - job.memory_bytes, self.gpus - job.gpus)


def admit(queue: Sequence[Waiting], room: Room) -> list[str]:
    """The ARNs to start, in order. `queue` is in order of creation."""
    admitted: list[str] = []
    may_pass = len(queue)
    for job in queue:
        if may_pass == 0:
            break
        if room.holds(job):
            room = room.without(job)
            admitted.append(job.arn)
            may_pass -= 1
        else:
            may_pass = min(may_pass, max(0, MAX_OVERTAKEN - job.overtaken))
    return admitted
