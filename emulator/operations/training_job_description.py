"""Pure: a training job as DescribeTrainingJob tells it: the request, real answers' defaults, the progress.

Source: DescribeTrainingJob answers of real jobs.
"""

from collections.abc import Mapping
from math import floor
from typing import Any

from emulator.domain.s3_uri import S3Uri
from emulator.domain.training_job import MAX_RUNTIME_DEFAULT, TrainingJob

Description = dict[str, Any]

NOT_TOLD = frozenset({"Tags", "SessionChainingConfig"})
"""Request members that DescribeTrainingJob does not have."""

DEFAULT_VOLUME = 1
"""VolumeSizeInGB where the request has none."""

PROFILER = {"ProfilingIntervalInMilliseconds": 500, "DisableProfiler": False}
"""What real answers add to a ProfilerConfig in use."""


def describe(job: TrainingJob) -> Description:
    progress = job.progress
    told = {
        **_echo(job.document),
        "TrainingJobName": job.key.name,
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary_status,
        "CreationTime": job.creation_time,
        "LastModifiedTime": job.last_modified_time,
        "TrainingStartTime": progress.training_start_time,
        "TrainingEndTime": progress.training_end_time,
        "FailureReason": progress.failure_reason if job.is_final else None,
        "SecondaryStatusTransitions": transitions(job),
        "ModelArtifacts": model_artifacts(job),
        "ProfilingStatus": profiling_status(job.document),
        **training_seconds(job),
    }
    return {name: value for name, value in told.items() if value is not None}


def _echo(document: Mapping[str, Any]) -> Description:
    output = document["OutputDataConfig"]
    algorithm = document["AlgorithmSpecification"]
    echo = {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **{name: value for name, value in document.items() if name not in NOT_TOLD},
        "AlgorithmSpecification": {
            **algorithm,
            "EnableSageMakerMetricsTimeSeries": algorithm.get(
                "EnableSageMakerMetricsTimeSeries", bool(algorithm.get("MetricDefinitions"))
            ),
        },
        "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **output},
        "ResourceConfig": {"VolumeSizeInGB": DEFAULT_VOLUME, **document["ResourceConfig"]},
        "StoppingCondition": {
            "MaxRuntimeInSeconds": MAX_RUNTIME_DEFAULT,
            **document.get("StoppingCondition", {}),
        },
    }
    if "InputDataConfig" in document:
        echo["InputDataConfig"] = [_channel(channel) for channel in document["InputDataConfig"]]
    if not document.get("HyperParameters"):
        echo.pop("HyperParameters", None)
    if "DebugHookConfig" in document:
        echo["DebugHookConfig"] = {"CollectionConfigurations": [], **document["DebugHookConfig"]}
    if profiling_status(document) == "Enabled":
        echo["ProfilerConfig"] = {**PROFILER, **document["ProfilerConfig"]}
    return echo


def _channel(channel: Mapping[str, Any]) -> Description:
    source = channel["DataSource"]
    s3 = {"S3DataDistributionType": "FullyReplicated", **source["S3DataSource"]}
    return {
        "CompressionType": "None",
        "RecordWrapperType": "None",
        **channel,
        "DataSource": {**source, "S3DataSource": s3},
    }


def transitions(job: TrainingJob) -> list[Description]:
    told = [
        {
            "Status": transition.status,
            "StartTime": transition.start_time,
            "EndTime": transition.end_time,
            "StatusMessage": transition.message,
        }
        for transition in job.progress.transitions
    ]
    return [{name: value for name, value in one.items() if value is not None} for one in told]


def model_artifacts(job: TrainingJob) -> Description | None:
    """Told once the job is over, also where an empty /opt/ml/model left no object."""
    if not job.is_final or job.progress.launched_at is None:
        return None
    output = S3Uri.parse(job.document["OutputDataConfig"]["S3OutputPath"])
    return {"S3ModelArtifacts": str(output.join(job.key.name, "output", "model.tar.gz"))}


def profiling_status(document: Mapping[str, Any]) -> str:
    profiler = document.get("ProfilerConfig")
    return "Disabled" if profiler is None or profiler.get("DisableProfiler") else "Enabled"


def training_seconds(job: TrainingJob) -> Description:
    """Whole seconds between the truncated times, at least 1, not multiplied by the number of instances."""
    start, end = job.progress.training_start_time, job.progress.training_end_time
    if start is None or end is None:
        return {}
    seconds = max(1, floor(end.timestamp()) - floor(start.timestamp()))
    return {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
