"""One host while it trains: its lines, metrics and use of the machine, until it ends."""

from collections.abc import Callable

from emulator.domain.cluster import InstanceExit, InstanceSpec, UsageSample
from emulator.domain.training_job import TrainingJob
from emulator.training.instance_metrics import InstanceMetrics
from emulator.training.log_pump import LogPump
from emulator.training.parts import TrainingParts
from emulator.training.plan import cluster_name
from emulator.training.volume import outgrown


async def watch_host(
    job: TrainingJob,
    instance: InstanceSpec,
    is_fresh: bool,
    parts: TrainingParts,
    on_outgrown: Callable[[str], None],
) -> InstanceExit:
    """From the start, or from the last line that is stored. Raises JobFailure.

    `on_outgrown` gets the reason, maybe many times, where the host needs more than its storage volume.
    """
    pump = LogPump(job, instance.host, parts)
    since_ns = 0 if is_fresh else await pump.position()
    metrics = InstanceMetrics(job, instance.host, instance.limits, parts.metrics)

    async def measure(sample: UsageSample) -> None:
        await metrics.put(sample)
        reason = outgrown(job.request.resource_config, job.progress.input_bytes, sample)
        if reason is not None:
            on_outgrown(reason)

    end = await parts.compute.watch(cluster_name(job), instance.host, since_ns, pump.put, measure)
    await metrics.flush()
    return end
