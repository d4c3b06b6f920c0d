"""sagemaker-metrics: BatchPutMetrics of trial components, BatchGetMetrics of those and of training jobs."""

import math
from collections.abc import Sequence
from typing import Any

from emulator.blocking import blocking
from emulator.domain.arn import TrainingJobKey
from emulator.metrics.metric import MetricKey
from emulator.metrics.metric_queries import TrialKey, TrialPoint
from emulator.metrics.trial_series import PERIODS_MS, by_step, by_time
from emulator.operations.metric_request import milliseconds
from emulator.operations.registry import Call, Params, Result, operation

JOB_NAMESPACE = "/aws/sagemaker/TrainingJobs"
JOB_SUFFIX = "-aws-training-job"
"""Ends the name of the trial component that SageMaker makes for a training job."""

Query = dict[str, Any]


@operation("sagemaker-metrics", "BatchPutMetrics")
async def batch_put_metrics(call: Call, params: Params) -> Result:
    """Any name of a trial component is taken; the same metric, time and step again replaces the value."""
    component, faults = params["TrialComponentName"], []
    points: dict[str, list[TrialPoint]] = {}
    for index, data in enumerate(params["MetricData"]):
        if math.isfinite(data["Value"]):
            point = TrialPoint(milliseconds(data["Timestamp"]), data.get("Step"), data["Value"])
            points.setdefault(data["MetricName"], []).append(point)
        else:
            faults.append({"Code": "VALIDATION_ERROR", "MetricIndex": index})
    for name, some in points.items():
        await call.parts.metrics.put_trial(_trial_key(call, component, name), some)
    return {"Errors": faults or None}


@operation("sagemaker-metrics", "BatchGetMetrics")
async def batch_get_metrics(call: Call, params: Params) -> Result:
    return {"MetricQueryResults": [await _query(call, query) for query in params["MetricQueries"]]}


async def _query(call: Call, query: Query) -> Result:
    """`Start` and `End` are on the axis asked for: steps, or seconds since the epoch, both included."""
    kind, _, name = query["ResourceArn"].split(":", 5)[5].partition("/")
    owner = tuple(query["ResourceArn"].split(":")[3:5])
    if kind not in ("training-job", "experiment-trial-component"):
        return _refusal("ResourceArn must name a training job or a trial component.")
    if owner != (call.caller.region, call.caller.account_id):
        return _refusal("ResourceArn belongs to another account or Region.")
    by_iteration = query["XAxisType"] == "IterationNumber"
    if by_iteration != (query["Period"] == "IterationNumber"):
        return _refusal("Period must be IterationNumber where XAxisType is, and only there.")
    put, logged = await _points(call, kind, name, query["MetricName"])
    return await blocking(call.parts.sums, _summed_up, query, [*put, *logged])


def _summed_up(query: Query, unordered: Sequence[TrialPoint]) -> Result:
    points = sorted(unordered, key=lambda point: point.timestamp_ms)
    statistic = query["MetricStat"]
    found = (
        by_step(points, statistic)
        if query["Period"] == "IterationNumber"
        else by_time(points, PERIODS_MS[query["Period"]], statistic)
    )
    first, last = query.get("Start", 0), query.get("End", 2**63)
    chosen = [(x, value) for x, value in found if first <= x <= last]
    return {
        "Status": "Complete",
        "XAxisValues": [x for x, _ in chosen],
        "MetricValues": [value for _, value in chosen],
    }


def _refusal(message: str) -> Result:
    return {"Status": "ValidationError", "Message": message, "XAxisValues": [], "MetricValues": []}


async def _points(call: Call, kind: str, name: str, metric: str) -> tuple[list[TrialPoint], list[TrialPoint]]:
    """A training job has its trial component's, and what its log told, as far as EnableSageMakerMetricsTimeSeries."""
    is_job = kind == "training-job" or name.endswith(JOB_SUFFIX)
    job = name.removesuffix(JOB_SUFFIX) if kind != "training-job" else name
    component = f"{job}{JOB_SUFFIX}" if is_job else name
    put = await call.parts.metrics.trial_points(_trial_key(call, component, metric))
    return put, await _logged(call, job, metric) if is_job else []


async def _logged(call: Call, name: str, metric: str) -> list[TrialPoint]:
    key = TrainingJobKey(call.caller.account_id, call.caller.region, name)
    job = await call.parts.training_jobs.get(key)
    if job is None or not job.request.algorithm_specification.has_metrics_time_series:
        return []
    dimensions = (("TrainingJobName", job.key.name),)
    series = MetricKey(call.caller.account_id, call.caller.region, JOB_NAMESPACE, metric, dimensions)
    return await call.parts.metrics.logged_points(series, milliseconds(job.creation_time))


def _trial_key(call: Call, component: str, name: str) -> TrialKey:
    return TrialKey(call.caller.account_id, call.caller.region, component, name)
