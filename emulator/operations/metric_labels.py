"""Pure: labels of GetMetricData's results.

Without a Label, a metric has its name, a SEARCH what its metrics differ in (CloudWatch user guide, "Using dynamic
labels").
"""

import re
from typing import Any

from emulator.metrics.metric import MetricKey
from emulator.metrics.time_series import Series

_DYNAMIC = re.compile(r"\$\{(LABEL|PROP\('([\w.-]+)'\))\}")


def labels(query: dict[str, Any], series: list[Series]) -> list[tuple[str, Series]]:
    own = _own_labels(query, series)
    given = query.get("Label")
    if given is None:
        return list(zip(own, series, strict=True))
    return [
        (_filled(given, label, one, len(series) > 1), one) for label, one in zip(own, series, strict=True)
    ]


def _own_labels(query: dict[str, Any], series: list[Series]) -> list[str]:
    all_properties = [_properties(one.key) for one in series if one.key is not None]
    names = dict.fromkeys(name for properties in all_properties for name in properties)
    differing = {name for name in names if len({p.get(name) for p in all_properties}) > 1}
    return [_own_label(query, one, differing) for one in series]


def _own_label(query: dict[str, Any], one: Series, differing: set[str]) -> str:
    if one.key is None:
        return str(query["Id"])
    own = [value for name, value in _properties(one.key).items() if name in differing]
    return " ".join(own) or one.key.name


def _properties(key: MetricKey) -> dict[str, str]:
    dimensions = {f"Dim.{name}": value for name, value in key.dimensions}
    return {"Namespace": key.namespace, **dimensions, "MetricName": key.name}


def _filled(text: str, label: str, series: Series, is_one_of_many: bool) -> str:
    """A label without a dynamic part is told in front of each one's own."""
    if not _DYNAMIC.search(text):
        return f"{text} {label}" if is_one_of_many else text
    known = {"Stat": series.stat, "Period": str(series.period_ms // 1000)}
    if series.key is not None:
        known |= _properties(series.key)
    return _DYNAMIC.sub(lambda m: label if m[1] == "LABEL" else known.get(m[2], m[0]), text)
