"""The warm pools of all finished jobs, as the scheduler sees them at one look."""

from collections.abc import Container

from emulator.domain.progress import Placement
from emulator.domain.training_job import TrainingJob
from emulator.occupancy import Holding
from emulator.training.parts import TrainingParts
from emulator.training.warm_pools import expiry, find_pool, remove_pool, reused, take_over, terminated


def holding_of(placement: Placement) -> Holding:
    return Holding(placement.memory_bytes, placement.gpu_ids)


class PoolKeeper:
    """Written in an order that a crash may cut anywhere: the job that takes over is saved first."""

    def __init__(self, parts: TrainingParts) -> None:
        self._parts = parts
        self.pools: list[TrainingJob] = []
        """Finished jobs whose instances wait, those that wait longest first."""

    def seconds_to_expiry(self, most: float) -> float:
        now = self._parts.clock.now()
        ends = [(expiry(pool, self._parts.time_scale) - now).total_seconds() for pool in self.pools]
        return max(0.0, min([most, *ends]))

    async def look(self, running: Container[str]) -> None:
        """Read the rows; end what has expired, or was taken over just before a crash.

        `running`: ARNs of the jobs whose containers may be there still. Their pools are not ended yet.
        """
        # In this order, or else a job that ends in between would seem to take its own pool over.
        warm = await self._parts.store.warm()
        unfinished = await self._parts.store.unfinished()
        takers: dict[str | None, TrainingJob] = {
            job.progress.pool: job for job in unfinished if job.progress.pool
        }
        now, self.pools = self._parts.clock.now(), []
        for pool in warm:
            taker = takers.get(pool.progress.pool)
            if taker is not None:
                await self._parts.store.save_progress(reused(pool, taker.key.name, now))
                self._parts.occupancy.release(pool.arn)
            elif expiry(pool, self._parts.time_scale) <= now:
                if pool.arn not in running:
                    await self._end(pool)
            elif pool.progress.placement is not None:
                self.pools.append(pool)
                self._parts.occupancy.hold(pool.arn, holding_of(pool.progress.placement))

    async def hand_over(self, job: TrainingJob) -> TrainingJob | None:
        """The job with a pool's instances; None where no pool matches."""
        pool = find_pool(job, self.pools)
        if pool is None:
            return None
        taker = take_over(job, pool)
        await self._parts.store.save_progress(taker)
        await self._parts.store.save_progress(reused(pool, job.key.name, self._parts.clock.now()))
        self.pools.remove(pool)
        self._parts.occupancy.release(pool.arn)
        return taker

    async def give_way(self, running: Container[str]) -> bool:
        """End the pool that waits longest, for a job that waits for room. False where there is none."""
        pool = next((pool for pool in self.pools if pool.arn not in running), None)
        if pool is None:
            return False
        self.pools.remove(pool)
        await self._end(pool)
        return True

    async def _end(self, pool: TrainingJob) -> None:
        await remove_pool(pool.progress.pool or "", self._parts)
        await self._parts.store.save_progress(terminated(pool, self._parts.clock.now()))
        self._parts.occupancy.release(pool.arn)
