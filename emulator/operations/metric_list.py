"""CloudWatch ListMetrics."""

import json
from datetime import timedelta

from emulator.domain import metric_errors
from emulator.logs.page_token import list_token, parse_list_token
from emulator.metrics.metric import Metric
from emulator.metrics.metric_queries import MetricsQuery
from emulator.operations.metric_request import milliseconds
from emulator.operations.registry import Call, Params, Result, operation

PAGE = 500
ACTIVE = {"PT3H": timedelta(hours=3)}
KNOWN = timedelta(days=14)
"""A metric without newer data is not listed (API ListMetrics)."""


@operation("cloudwatch", "ListMetrics")
async def list_metrics(call: Call, params: Params) -> Result:
    """At once, where AWS takes up to 15 minutes to list a new metric."""
    age = ACTIVE.get(params.get("RecentlyActive", ""), KNOWN)
    filters = params.get("Dimensions", ())
    query = MetricsQuery(
        call.caller.account_id,
        call.caller.region,
        namespace=params.get("Namespace"),
        name=params.get("MetricName"),
        dimensions=tuple((each["Name"], each.get("Value")) for each in filters),
        active_since_ms=milliseconds(call.now() - age),
        after=_after(params),
        limit=PAGE + 1,
    )
    metrics = await call.parts.metrics.find(query)
    token = _token(metrics[PAGE - 1]) if len(metrics) > PAGE else None
    return {"Metrics": [describe_metric(metric) for metric in metrics[:PAGE]], "NextToken": token}


def describe_metric(metric: Metric) -> Result:
    return {
        "Namespace": metric.key.namespace,
        "MetricName": metric.key.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.key.dimensions],
    }


def _token(last: Metric) -> str:
    return list_token(last.key.namespace, last.key.name, json.dumps(last.key.dimensions))


def _after(params: Params) -> tuple[str, str, str] | None:
    try:
        keys = parse_list_token(params["NextToken"], str, str, str) if "NextToken" in params else None
    except ValueError:
        raise metric_errors.invalid_value("NextToken", params["NextToken"]) from None
    return (str(keys[0]), str(keys[1]), str(keys[2])) if keys else None
