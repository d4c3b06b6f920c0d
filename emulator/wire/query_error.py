"""Errors of services that left the query protocol for another one, CloudWatch for example.

Their clients go on seeing the query protocol's codes, which travel in a header (trait `awsQueryCompatible`); the body
names the error's shape.
"""

from emulator.domain.errors import ServiceError

_SHAPES = {
    "InvalidParameterValue": "InvalidParameterValueException",
    "InvalidParameterCombination": "InvalidParameterCombinationException",
    "MissingParameter": "MissingRequiredParameterException",
    "InternalServiceError": "InternalServiceFault",
}


def shape_name(code: str) -> str:
    return _SHAPES.get(code, code)


def query_error_headers(error: ServiceError) -> dict[str, str]:
    return {"x-amzn-query-error": f"{error.code};{'Sender' if error.status < 500 else 'Receiver'}"}
