"""After a restart: what the rows of training jobs hold of this machine, noted before anybody is admitted."""

from emulator.training.parts import TrainingParts
from emulator.training.pool_keeper import holding_of


async def note_holdings(parts: TrainingParts) -> None:
    for job in [*await parts.store.unfinished(), *await parts.store.warm()]:
        if job.progress.placement is not None:
            parts.occupancy.hold(job.arn, holding_of(job.progress.placement))
