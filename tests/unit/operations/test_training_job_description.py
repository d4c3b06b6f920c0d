from datetime import timedelta
from typing import Any

import botocore.session
import pytest

from emulator.domain.status import SecondaryStatus
from emulator.domain.stop_reason import StopReason
from emulator.operations.training_job_description import describe
from tests.support.builders import a_channel, a_progress, a_training_job
from tests.support.clock import START

S = SecondaryStatus
UPLOADING = (S.DOWNLOADING, S.TRAINING, S.UPLOADING)
NOT_FINAL = [(), (S.PENDING,), (S.DOWNLOADING,), (S.DOWNLOADING, S.TRAINING), UPLOADING]


def test_description_of_the_plainest_job_has_the_defaults_of_real_answers() -> None:
    description = describe(a_training_job("Train-1", StoppingCondition=None))

    assert description == {
        "TrainingJobName": "Train-1",
        "TrainingJobArn": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/train-1",
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "RoleArn": "arn:aws:iam::111122223333:role/training",
        "AlgorithmSpecification": {
            "TrainingImage": "algorithm:1",
            "TrainingInputMode": "File",
            "EnableSageMakerMetricsTimeSeries": False,
        },
        "OutputDataConfig": {
            "KmsKeyId": "",
            "S3OutputPath": "s3://bucket/artifacts",
            "CompressionType": "GZIP",
        },
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
        "CreationTime": START,
        "LastModifiedTime": START,
        "SecondaryStatusTransitions": [
            {"Status": "Starting", "StartTime": START, "StatusMessage": "Starting the training job"}
        ],
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        "ProfilingStatus": "Disabled",
    }


def test_description_echoes_the_request_where_it_has_its_own_values() -> None:
    members: dict[str, Any] = {
        "HyperParameters": {"epochs": "1"},
        "Environment": {"A": "b"},
        "OutputDataConfig": {"S3OutputPath": "s3://b/", "KmsKeyId": "key", "CompressionType": "GZIP"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 500},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
        "EnableManagedSpotTraining": True,
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "VpcConfig": {"SecurityGroupIds": ["sg"], "Subnets": ["subnet"]},
        "ExperimentConfig": {"TrialName": "t"},
        "RetryStrategy": {"MaximumRetryAttempts": 3},
    }

    description = describe(a_training_job(**members))

    assert {name: description[name] for name in members} == members


def test_description_leaves_out_what_describe_training_job_does_not_have() -> None:
    tags = [{"Key": "k", "Value": "v"}]

    description = describe(a_training_job(Tags=tags, SessionChainingConfig={}, HyperParameters={}))

    assert not {"Tags", "SessionChainingConfig", "HyperParameters", "InputDataConfig"} & description.keys()


def test_description_has_no_member_that_the_api_does_not_know() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    known = model.shape_for("DescribeTrainingJobResponse").members  # type: ignore[attr-defined]
    job = a_training_job(
        progress=a_progress(*UPLOADING, S.FAILED, failure_reason="why"), InputDataConfig=[a_channel()]
    )

    assert describe(job).keys() <= set(known)


def test_description_fills_in_channels() -> None:
    sharded = a_channel("b", S3DataDistributionType="ShardedByS3Key")
    own = {**sharded, "CompressionType": "Gzip", "RecordWrapperType": "RecordIO", "ContentType": "text/csv"}

    first, second = describe(a_training_job(InputDataConfig=[a_channel("a"), own]))["InputDataConfig"]

    assert first == {
        "ChannelName": "a",
        "CompressionType": "None",
        "RecordWrapperType": "None",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": "s3://bucket/data",
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }
    assert second == own


@pytest.mark.parametrize(
    ("algorithm", "told"),
    [
        ({}, False),
        ({"MetricDefinitions": [{"Name": "a", "Regex": "b"}]}, True),
        ({"EnableSageMakerMetricsTimeSeries": True}, True),
        (
            {"MetricDefinitions": [{"Name": "a", "Regex": "b"}], "EnableSageMakerMetricsTimeSeries": False},
            False,
        ),
    ],
)
def test_description_tells_of_the_metrics_time_series(algorithm: dict[str, Any], told: bool) -> None:
    specification = {"TrainingImage": "i", "TrainingInputMode": "File", **algorithm}

    description = describe(a_training_job(AlgorithmSpecification=specification))

    assert description["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] is told


@pytest.mark.parametrize(
    ("config", "echo", "status"),
    [
        (None, None, "Disabled"),
        ({"DisableProfiler": True}, {"DisableProfiler": True}, "Disabled"),
        (
            {"S3OutputPath": "s3://b"},
            {"S3OutputPath": "s3://b", "ProfilingIntervalInMilliseconds": 500, "DisableProfiler": False},
            "Enabled",
        ),
        (
            {"ProfilingIntervalInMilliseconds": 1000, "DisableProfiler": False},
            {"ProfilingIntervalInMilliseconds": 1000, "DisableProfiler": False},
            "Enabled",
        ),
    ],
)
def test_description_fills_in_the_profiler(config: Any, echo: Any, status: str) -> None:
    description = describe(a_training_job(ProfilerConfig=config))

    assert (description.get("ProfilerConfig"), description["ProfilingStatus"]) == (echo, status)


def test_description_fills_in_the_debug_hook() -> None:
    description = describe(a_training_job(DebugHookConfig={"S3OutputPath": "s3://b"}))

    assert description["DebugHookConfig"] == {"CollectionConfigurations": [], "S3OutputPath": "s3://b"}


@pytest.mark.parametrize("path", NOT_FINAL)
def test_description_has_no_artifacts_and_no_end_before_the_job_is_over(
    path: tuple[SecondaryStatus, ...],
) -> None:
    progress = a_progress(*path, failure_reason="AlgorithmError: known already")

    description = describe(a_training_job(progress=progress, stop_requested_at=START))

    assert (
        not {
            "ModelArtifacts",
            "FailureReason",
            "TrainingEndTime",
            "TrainingTimeInSeconds",
            "BillableTimeInSeconds",
        }
        & description.keys()
    )


@pytest.mark.parametrize("status", [S.COMPLETED, S.FAILED, S.STOPPED, S.MAX_RUNTIME_EXCEEDED])
@pytest.mark.parametrize(
    ("output", "uri"),
    [
        ("s3://b/", "s3://b/Train-1/output/model.tar.gz"),
        ("s3://b", "s3://b/Train-1/output/model.tar.gz"),
        ("s3://b/p/", "s3://b/p/Train-1/output/model.tar.gz"),
    ],
)
def test_description_tells_where_the_model_is_once_the_job_is_over(
    status: SecondaryStatus, output: str, uri: str
) -> None:
    job = a_training_job(progress=a_progress(*UPLOADING, status), OutputDataConfig={"S3OutputPath": output})

    assert describe(job)["ModelArtifacts"] == {"S3ModelArtifacts": uri}


def test_description_tells_the_folder_of_a_model_that_is_not_compressed() -> None:
    output = {"S3OutputPath": "s3://b/p", "CompressionType": "NONE"}
    job = a_training_job(progress=a_progress(*UPLOADING, S.COMPLETED), OutputDataConfig=output)

    assert describe(job)["ModelArtifacts"] == {"S3ModelArtifacts": "s3://b/p/Train-1/output/model/"}
    assert describe(job)["OutputDataConfig"] == {**output, "KmsKeyId": ""}


def test_description_has_no_artifacts_of_a_job_that_never_ran() -> None:
    job = a_training_job(progress=a_progress(S.STOPPING, S.STOPPED, stop_reason=StopReason.USER))

    description = describe(job)

    assert (
        not {"ModelArtifacts", "TrainingStartTime", "TrainingEndTime", "TrainingTimeInSeconds"}
        & description.keys()
    )
    assert (description["TrainingJobStatus"], description["SecondaryStatus"]) == ("Stopped", "Stopped")


def test_description_of_a_failed_job_has_the_reason() -> None:
    progress = a_progress(*UPLOADING, S.FAILED, failure_reason="AlgorithmError: , exit code: 1")

    description = describe(a_training_job(progress=progress))

    assert description["FailureReason"] == "AlgorithmError: , exit code: 1"
    assert description["TrainingJobStatus"] == "Failed"


def test_transitions_are_closed_but_for_the_current_one() -> None:
    transitions = describe(a_training_job(progress=a_progress(S.DOWNLOADING, S.TRAINING)))[
        "SecondaryStatusTransitions"
    ]

    assert [one["Status"] for one in transitions] == ["Starting", "Downloading", "Training"]
    assert [one.get("EndTime") for one in transitions] == [
        START + timedelta(seconds=10),
        START + timedelta(seconds=20),
        None,
    ]


def test_last_transition_of_a_finished_job_starts_and_ends_with_training() -> None:
    description = describe(a_training_job(progress=a_progress(*UPLOADING, S.COMPLETED)))

    last = description["SecondaryStatusTransitions"][-1]
    assert last["StartTime"] == last["EndTime"] == description["TrainingEndTime"]
    assert last["StatusMessage"] == "Training job completed"


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        # of real jobs
        ("17:15:47.782", "18:06:18.005", 3_031),
        ("18:51:41.811", "19:02:53.172", 672),
        ("11:11:32.239", "11:13:37.265", 125),
        # at the edges
        ("11:00:00.000", "11:00:00.000", 1),
        ("11:00:00.100", "11:00:00.900", 1),
        ("11:00:00.900", "11:00:01.100", 1),
        ("11:00:00.999", "11:00:02.000", 2),
    ],
)
def test_training_seconds_are_between_the_truncated_times(start: str, end: str, seconds: int) -> None:
    day = "2024-05-06T{}+00:00"
    progress = a_progress(*UPLOADING, S.COMPLETED).model_copy(
        update={
            "training_start_time": START.fromisoformat(day.format(start)),
            "training_end_time": START.fromisoformat(day.format(end)),
        }
    )

    description = describe(a_training_job(progress=progress, ResourceConfig={"InstanceCount": 4}))

    assert (description["TrainingTimeInSeconds"], description["BillableTimeInSeconds"]) == (seconds, seconds)
