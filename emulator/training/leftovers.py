"""What is left on the backend and in the work directory of jobs that are over."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from emulator.blocking import blocking
from emulator.domain.cluster import HOSTING_MARK
from emulator.domain.training_job import TrainingJob
from emulator.fast_file.mount_table import remove_dead_mounts
from emulator.training.parts import TrainingParts
from emulator.training.plan import cluster_name

log = logging.getLogger(__name__)


class Leftovers:
    def __init__(self, parts: TrainingParts) -> None:
        self._parts = parts
        self.clusters: set[str] = set()
        """Clusters and pools whose containers, volumes and networks are to be removed."""

    async def find(self, owners: Sequence[TrainingJob]) -> None:
        """Find what belongs to this installation and to none of the jobs `owners`.

        A job that is over has its pool only: it may have ended just before the emulator did.
        """
        running = {cluster_name(job) for job in owners if not job.is_final}
        known = running | {job.progress.pool for job in owners if job.progress.pool}
        self.clusters |= await self._find_all() - known
        await blocking(self._parts.disk, _remove_others, self._parts.work_root, known)

    async def _find_all(self) -> set[str]:
        found = {instance.cluster for instance in await self._parts.compute.find()}
        return {cluster for cluster in found if HOSTING_MARK not in cluster}

    async def remove(self) -> None:
        """What cannot be removed stays noted, and a fault is raised when all has been tried."""
        fault = None
        for cluster in 2 * list(self.clusters):  # twice, since a pool goes only after its clusters
            if cluster in self.clusters:
                log.info("Removing what is left of %s.", cluster)
                try:
                    await self._parts.compute.destroy(cluster)
                    self.clusters.discard(cluster)
                except Exception as error:
                    fault = error
        if self.clusters and fault is not None:
            raise fault

    async def remove_at_once(self, clusters: set[str]) -> None:
        """With their work directories, of jobs that were deleted; a fault is logged."""
        self.clusters |= clusters
        try:
            await self.remove()
        except Exception:
            log.exception("Containers of deleted training jobs are left; they are removed later.")
        for cluster in clusters:
            work_dir = self._parts.work_root / cluster
            await blocking(self._parts.disk, shutil.rmtree, work_dir, ignore_errors=True)

    async def destroy_all(self) -> None:
        """Remove every container and all staged input, for an emulator that is not to come back."""
        self.clusters |= await self._find_all()
        await self.remove()
        await blocking(self._parts.disk, shutil.rmtree, self._parts.work_root, ignore_errors=True)


def _remove_others(work_root: Path, known: set[str]) -> None:
    """Staged input of jobs that ended just before the emulator did; nobody serves their FastFile mounts any more."""
    remove_dead_mounts(work_root)
    for directory in work_root.glob("*"):
        if directory.name not in known:
            shutil.rmtree(directory, ignore_errors=True)
