"""Pure: a training job as DescribeTrainingJob tells it: the request, real answers' defaults, the progress.

Source: DescribeTrainingJob answers of real jobs.
"""

from collections.abc import Mapping
from math import floor
from typing import Any

from emulator.domain.training_job import MAX_RUNTIME_DEFAULT, TrainingJob
from emulator.domain.warm_pool import WarmPool

Description = dict[str, Any]

NOT_TOLD = frozenset({"Tags", "SessionChainingConfig"})
"""Request members that DescribeTrainingJob does not have."""

DEFAULT_VOLUME = 1
"""VolumeSizeInGB where the request has none."""

SPOT_DISCOUNT = 0.7
"""Our choice: the price of spot instances changes by the hour."""

PROFILER = {"ProfilingIntervalInMilliseconds": 500, "DisableProfiler": False}
"""What real answers add to a ProfilerConfig in use."""


def describe(job: TrainingJob) -> Description:
    progress = job.progress
    told = {
        **_echo(job.told_document),
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
        "FinalMetricDataList": final_metrics(job),
        "ModelArtifacts": model_artifacts(job),
        "ProfilingStatus": profiling_status(job.told_document),
        "WarmPoolStatus": warm_pool_status(job.progress.warm_pool),
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
    told = {"CompressionType": "None", "RecordWrapperType": "None", **channel}
    if "S3DataSource" in channel["DataSource"]:
        s3 = {"S3DataDistributionType": "FullyReplicated", **channel["DataSource"]["S3DataSource"]}
        told["DataSource"] = {"S3DataSource": s3}
    return told


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


def final_metrics(job: TrainingJob) -> list[Description] | None:
    """Absent where no metric was ever seen."""
    told = [
        {"MetricName": metric.name, "Value": metric.value, "Timestamp": metric.timestamp}
        for metric in job.progress.final_metrics
    ]
    return told or None


def model_artifacts(job: TrainingJob) -> Description | None:
    """Told once the job is over, also where an empty /opt/ml/model left no object (sagemaker-python-sdk#3455)."""
    if not job.is_final or job.progress.launched_at is None:
        return None
    return {"S3ModelArtifacts": str(job.request.output_data_config.model_uri(job.key.name))}


def profiling_status(document: Mapping[str, Any]) -> str:
    profiler = document.get("ProfilerConfig")
    return "Disabled" if profiler is None or profiler.get("DisableProfiler") else "Enabled"


def warm_pool_status(warm: WarmPool | None) -> Description | None:
    if warm is None:
        return None
    told = {
        "Status": warm.status,
        "ResourceRetainedBillableTimeInSeconds": warm.retained_seconds,
        "ReusedByJob": warm.reused_by,
    }
    return {name: value for name, value in told.items() if value is not None}


def training_seconds(job: TrainingJob) -> Description:
    """Whole seconds between the truncated times, at least 1, not multiplied by the number of instances."""
    start, end = job.progress.training_start_time, job.progress.training_end_time
    if start is None or end is None:
        return {}
    seconds = max(1, floor(end.timestamp()) - floor(start.timestamp()))
    return {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": billable_seconds(job, seconds)}


def billable_seconds(job: TrainingJob, training_seconds: int) -> int:
    """As many on demand; for spot, the time with instances only, less what they are cheaper.

    AWS tells savings as 1 - BillableTimeInSeconds / TrainingTimeInSeconds (API DescribeTrainingJobResponse).
    """
    if not job.request.enable_managed_spot_training:
        return training_seconds
    end = job.progress.training_end_time
    assert end is not None
    return max(1, floor(job.progress.seconds_run(end) * (1 - SPOT_DISCOUNT)))
