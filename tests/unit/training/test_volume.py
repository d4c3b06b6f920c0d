import pytest

from emulator.domain.cluster import UsageSample
from emulator.domain.failure_reason import JobFailure
from emulator.domain.resource_config import ResourceConfig
from emulator.training.volume import outgrown, require_room, volume_sizes
from tests.support.builders import instance_groups, instances

GIB = 2**30


def resources(instance_type: str = "ml.m5.large", volume: int = 10) -> ResourceConfig:
    return ResourceConfig.model_validate({**instances(2, instance_type), "VolumeSizeInGB": volume})


def sample(host: str, disk_bytes: int | None) -> UsageSample:
    return UsageSample(host, timestamp_ns=0, cpu_percent=0, memory_bytes=0, disk_bytes=disk_bytes)


def test_volume_is_that_of_the_request_or_the_type_s_own_disks() -> None:
    groups = instance_groups(("volume", "ml.m5.large", 1), ("disks", "ml.g5.xlarge", 1))

    assert volume_sizes(ResourceConfig.model_validate(groups)) == {"algo-1": 10 * GIB, "algo-2": 250 * 10**9}


def test_input_that_fits_exactly_has_room() -> None:
    require_room(resources(), {"algo-1": 10 * GIB, "algo-2": 0})
    require_room(resources(), {})
    require_room(resources("ml.g5.xlarge", volume=1), {"algo-1": 250 * 10**9})


@pytest.mark.parametrize(
    ("instance_type", "volume", "needed"),
    [("ml.m5.large", "10.00 GiB", 10 * GIB + 1), ("ml.g5.xlarge", "232.83 GiB", 250 * 10**9 + 1)],
)
def test_input_that_does_not_fit_on_one_host_fails_the_job(
    instance_type: str, volume: str, needed: int
) -> None:
    with pytest.raises(JobFailure) as failure:
        require_room(resources(instance_type), {"algo-1": 1, "algo-2": needed})

    assert failure.value.reason == (
        "ClientError: Data download failed:Insufficient disk space "
        f"(algo-2: input data of {needed / GIB:.2f} GiB, storage volume {volume})"
    )


@pytest.mark.parametrize(
    ("written", "is_over"),
    [(None, False), (0, False), (4 * GIB, False), (4 * GIB + 1, True)],
)
def test_input_and_what_was_written_share_the_volume(written: int | None, is_over: bool) -> None:
    reason = outgrown(resources(), {"algo-1": 6 * GIB, "algo-2": 0}, sample("algo-1", written))

    assert (reason is not None) == is_over
    assert reason is None or reason.startswith(
        "ClientError: Insufficient disk space: algo-1 uses 10.00 GiB of a storage volume of 10.00 GiB."
    )


def test_what_one_host_read_takes_no_room_of_another() -> None:
    assert outgrown(resources(), {"algo-1": 6 * GIB}, sample("algo-2", 10 * GIB)) is None
