"""REST operations by method and path, as URI templates such as `/endpoints/{EndpointName}/invocations` say."""

import re
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote

from botocore.model import OperationModel, ServiceModel

_LABEL = re.compile(r"\{(\w+)(\+?)\}")


class Route(NamedTuple):
    model: OperationModel
    labels: dict[str, str]
    """Values of the template's labels, decoded."""


class _Template(NamedTuple):
    method: str
    pattern: re.Pattern[str]
    operation: str


def find_route(model: ServiceModel, method: str, raw_path: str) -> Route | None:
    """The operation of a rest-json service for a path, percent-encoded as it came."""
    for template in _templates(model):
        match = template.pattern.fullmatch(raw_path) if template.method == method else None
        if match is not None:
            labels = {name: unquote(value) for name, value in match.groupdict().items()}
            return Route(model.operation_model(template.operation), labels)
    return None


@cache
def _templates(model: ServiceModel) -> tuple[_Template, ...]:
    if model.metadata["protocol"] != "rest-json":
        return ()
    https = {name: model.operation_model(name).http for name in model.operation_names}
    return tuple(
        _Template(http["method"], _pattern(http["requestUri"]), name) for name, http in https.items()
    )


def _pattern(template: str) -> re.Pattern[str]:
    path, parts, end = template.partition("?")[0], [], 0
    for label in _LABEL.finditer(path):
        parts += [re.escape(path[end : label.start()]), f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})"]
        end = label.end()
    return re.compile("".join([*parts, re.escape(path[end:])]))
