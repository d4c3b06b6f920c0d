"""CloudWatch's errors, in the words that public captures and moto have; of others the words are ours."""

from emulator.domain.errors import ServiceError


def invalid_value(parameter: str, value: object, why: str = "") -> ServiceError:
    text = f"The value {value} for parameter {parameter} is invalid."
    return ServiceError("InvalidParameterValue", f"{text} {why}".strip())


def missing_parameter(parameter: str) -> ServiceError:
    return ServiceError("MissingParameter", f"The parameter {parameter} is required.")


def bad_combination(text: str) -> ServiceError:
    return ServiceError("InvalidParameterCombination", text)


def both_given(one: str, other: str) -> ServiceError:
    return bad_combination(
        f"The parameters {one} and {other} are mutually exclusive and you have specified both."
    )


def metric_data_invalid(text: str) -> ServiceError:
    """GetMetricData's own faults."""
    return ServiceError("ValidationError", text)


def invalid_expression(query: str, why: str) -> ServiceError:
    return metric_data_invalid(f"Error in expression '{query}': {why}.")


def start_not_before_end() -> ServiceError:
    return bad_combination("The parameter StartTime must be less than the parameter EndTime.")


def too_many_datapoints(wanted: int, limit: int) -> ServiceError:
    return bad_combination(
        f"You have requested up to {wanted:,} datapoints, which exceeds the limit of {limit:,}. You may reduce the "
        "datapoints requested by increasing Period, or decreasing the time range."
    )


def invalid_metric_token() -> ServiceError:
    return ServiceError("InvalidNextToken", "The NextToken is invalid; repeat the request without it.")


def too_many_items(collection: str, limit: int) -> ServiceError:
    return ServiceError(
        "InvalidParameterValue", f"The collection {collection} must not have a size greater than {limit}."
    )


def bad_time(parameter: str, when: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", f"The parameter {parameter} must specify a time {when}.")
