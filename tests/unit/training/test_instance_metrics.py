"""Usage samples as points of CloudWatch."""

from pathlib import Path

import anyio

from emulator.domain.cluster import Limits, UsageSample
from emulator.metrics.metric import MetricKey, Span
from emulator.metrics.metric_store import MIGRATIONS, MetricStore
from emulator.sqlite import Database
from emulator.training.algorithm_metrics import NAMESPACE, to_float32
from emulator.training.instance_metrics import MINUTE_NS, InstanceMetrics
from tests.support.builders import ACCOUNT, REGION, a_training_job

GIB = 2**30


def sample(second: int, cpu: float, memory: int, disk: int | None = None) -> UsageSample:
    return UsageSample("algo-1", 100 * MINUTE_NS + second * 10**9, cpu, memory, disk)


def test_a_point_a_minute_and_one_for_the_rest(tmp_path: Path) -> None:
    async def case() -> dict[str, list[tuple[int, float]]]:
        database = Database(tmp_path / "metrics.db", MIGRATIONS)
        store = MetricStore(database)
        metrics = InstanceMetrics(a_training_job("Job"), "algo-1", Limits(4 * GIB, 2, 0), store)
        for each in (
            sample(58, 100, GIB, GIB),
            sample(59, 200, 3 * GIB),
            sample(60, 0, 5 * GIB),
            sample(119, 50, 5 * GIB, 20 * GIB),
        ):
            await metrics.put(each)
        await metrics.flush()
        await metrics.flush()
        found = {}
        for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization"):
            key = MetricKey(ACCOUNT, REGION, NAMESPACE, name, (("Host", "Job/algo-1"),))
            windows = await store.windows(key, Span(0, 2**62), 1000, "Percent")
            found[name] = [(window.start_ms // 1000 - 6000, window.total) for window in windows]
        database.close()
        return found

    assert anyio.run(case) == {
        "CPUUtilization": [(59, 150.0), (119, 25.0)],
        "MemoryUtilization": [(59, 50.0), (119, 100.0)],
        "DiskUtilization": [(59, 10.0), (119, 100.0)],
    }


def test_single_precision() -> None:
    assert to_float32(0.0036) == 0.003599999938160181
    assert to_float32(1e300) == 3.4028234663852886e38
    assert to_float32(-1e300) == -3.4028234663852886e38
    assert to_float32(1e-300) == 0.0
