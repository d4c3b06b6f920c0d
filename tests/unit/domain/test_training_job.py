from datetime import timedelta

import pytest

from emulator.domain.channel import InputMode
from emulator.domain.status import SecondaryStatus, TrainingJobStatus
from emulator.domain.stop_reason import StopReason
from emulator.domain.training_job import OutputDataConfig
from tests.support.builders import (
    a_channel,
    a_progress,
    a_request,
    a_training_job,
    instance_groups,
    instances,
    read_request,
)
from tests.support.clock import START

S = SecondaryStatus
T = TrainingJobStatus
TRAINING = (S.DOWNLOADING, S.TRAINING)
LATER = START + timedelta(hours=1)


def test_request_defaults_are_those_of_the_api() -> None:
    request = read_request(a_request(StoppingCondition=None))

    assert request.stopping_condition.max_runtime_in_seconds == 86_400
    assert request.input_data_config == ()
    assert request.hyper_parameters == {}
    assert request.environment == {}
    assert request.enable_network_isolation is False
    assert request.algorithm_specification.training_input_mode is InputMode.FILE
    assert request.output_data_config.compression_type == "GZIP"
    assert str(request.output_data_config.uri) == "s3://bucket/artifacts"


def test_channel_goes_to_all_hosts_in_numeric_order() -> None:
    request = read_request(a_request(ResourceConfig=instances(11), InputDataConfig=[a_channel()]))

    hosts = request.channel_hosts(request.input_data_config[0])

    assert hosts == tuple(f"algo-{n}" for n in range(1, 12))


def test_channel_goes_only_to_the_hosts_of_its_groups() -> None:
    groups = instance_groups(("a", "ml.m5.large", 1), ("b", "ml.m5.large", 2), ("c", "ml.m5.large", 1))
    channel = a_channel(InstanceGroupNames=["c", "a"])
    request = read_request(a_request(ResourceConfig=groups, InputDataConfig=[channel]))

    assert request.channel_hosts(request.input_data_config[0]) == ("algo-1", "algo-4")


STATUSES = [
    # path, stop requested, stop reason -> status, secondary status
    ((), False, None, T.IN_PROGRESS, S.STARTING),
    ((S.PENDING,), False, None, T.IN_PROGRESS, S.PENDING),
    ((S.DOWNLOADING,), False, None, T.IN_PROGRESS, S.DOWNLOADING),
    (TRAINING, False, None, T.IN_PROGRESS, S.TRAINING),
    ((*TRAINING, S.UPLOADING), False, None, T.IN_PROGRESS, S.UPLOADING),
    ((S.PENDING,), True, None, T.STOPPING, S.STOPPING),
    (TRAINING, True, None, T.STOPPING, S.STOPPING),
    ((*TRAINING, S.STOPPING), True, StopReason.USER, T.STOPPING, S.STOPPING),
    ((*TRAINING, S.STOPPING), False, StopReason.MAX_RUNTIME, T.STOPPING, S.STOPPING),
    ((*TRAINING, S.STOPPING, S.UPLOADING), True, StopReason.USER, T.STOPPING, S.UPLOADING),
    ((*TRAINING, S.UPLOADING), True, None, T.STOPPING, S.UPLOADING),
    ((*TRAINING, S.UPLOADING, S.COMPLETED), False, None, T.COMPLETED, S.COMPLETED),
    ((*TRAINING, S.UPLOADING, S.COMPLETED), True, None, T.COMPLETED, S.COMPLETED),
    ((*TRAINING, S.UPLOADING, S.FAILED), True, StopReason.USER, T.FAILED, S.FAILED),
    ((S.STOPPING, S.STOPPED), True, StopReason.USER, T.STOPPED, S.STOPPED),
    (
        (*TRAINING, S.STOPPING, S.MAX_RUNTIME_EXCEEDED),
        False,
        StopReason.MAX_RUNTIME,
        T.STOPPED,
        S.MAX_RUNTIME_EXCEEDED,
    ),
]


@pytest.mark.parametrize(("path", "requested", "reason", "status", "secondary"), STATUSES)
def test_status_is_derived(
    path: tuple[SecondaryStatus, ...],
    requested: bool,
    reason: StopReason | None,
    status: TrainingJobStatus,
    secondary: SecondaryStatus,
) -> None:
    job = a_training_job(
        progress=a_progress(*path, stop_reason=reason), stop_requested_at=LATER if requested else None
    )

    assert (job.status, job.secondary_status) == (status, secondary)
    assert job.is_final == (status in {T.COMPLETED, T.FAILED, T.STOPPED})


def test_last_modified_time_is_the_later_of_progress_and_wish_to_stop() -> None:
    progress = a_progress(*TRAINING)

    assert a_training_job(progress=progress).last_modified_time == START + timedelta(seconds=20)
    assert a_training_job(progress=progress, stop_requested_at=LATER).last_modified_time == LATER
    assert a_training_job(progress=progress, stop_requested_at=START).last_modified_time == START + timedelta(
        seconds=20
    )


def test_advance_replaces_the_progress_alone() -> None:
    job = a_training_job(stop_requested_at=LATER)

    advanced = job.advance(a_progress(S.PENDING))

    assert advanced.progress.secondary_status is S.PENDING
    assert (advanced.key, advanced.document, advanced.stop_requested_at) == (job.key, job.document, LATER)
    assert job.progress.secondary_status is S.STARTING


def test_arn_is_that_of_the_key() -> None:
    assert a_training_job("Mixed-Case").arn.endswith(":training-job/mixed-case")


@pytest.mark.parametrize(
    ("path", "base"), [("s3://b", "s3://b"), ("s3://b/", "s3://b"), ("s3://b/p/", "s3://b/p")]
)
@pytest.mark.parametrize(
    ("compression", "model", "data"),
    [
        (None, "model.tar.gz", "output.tar.gz"),
        ("GZIP", "model.tar.gz", "output.tar.gz"),
        ("NONE", "model/", "data/"),
    ],
)
def test_artifacts_lie_below_the_output_path_however_it_ends(
    path: str, base: str, compression: str | None, model: str, data: str
) -> None:
    given = {"S3OutputPath": path, **({"CompressionType": compression} if compression else {})}
    output = OutputDataConfig.model_validate(given)

    assert str(output.model_uri("Job")) == f"{base}/Job/output/{model}"
    assert str(output.data_uri("Job")) == f"{base}/Job/output/{data}"
