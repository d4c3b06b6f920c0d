"""Pure: hyperparameters against what an algorithm supports (API HyperParameterSpecification).

Every check yields one sentence for each fault; AWS's own texts are not public.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from emulator.domain.algorithm import HyperParameterSpecification

_INTEGER = re.compile(r"[+-]?\d{1,400}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,400}\.?\d{0,400}|\.\d{1,400})([eE][+-]?\d{1,4})?", re.ASCII)


def faults_of_values(
    supported: Iterable[HyperParameterSpecification], values: Mapping[str, str]
) -> Iterator[str]:
    """`values`: as the caller gave them, without defaults. An algorithm that names none takes any."""
    known = {each.name: each for each in supported}
    for name in values if known else ():
        if name not in known:
            yield f"hyperparameter {name} is not supported; supported are {', '.join(known)}"
    for name, specification in known.items():
        if name in values:
            yield from faults_of_value(specification, values[name])
        elif specification.is_required and specification.default_value is None:
            yield f"hyperparameter {name} is required"


def faults_of_value(specification: HyperParameterSpecification, value: str) -> Iterator[str]:
    """Type and range of one value."""
    name, limits = specification.name, specification.range
    if specification.type == "Integer":
        if not _INTEGER.fullmatch(value):
            yield f"hyperparameter {name} must be an integer, not {value!r}"
        else:
            yield from _outside(name, value, limits.integer_parameter_range_specification)
    elif specification.type == "Continuous":
        if not _DECIMAL.fullmatch(value):
            yield f"hyperparameter {name} must be a number, not {value!r}"
        else:
            yield from _outside(name, value, limits.continuous_parameter_range_specification)
    elif specification.type == "Categorical" and limits.categorical_parameter_range_specification:
        categories = limits.categorical_parameter_range_specification["Values"]
        if value not in categories:
            yield f"hyperparameter {name} must be one of {', '.join(categories)}, not {value!r}"


def faults_of_specifications(specifications: Iterable[HyperParameterSpecification]) -> Iterator[str]:
    """What cannot be meant in CreateAlgorithm."""
    seen: set[str] = set()
    for each in specifications:
        if each.name in seen:
            yield f"hyperparameter {each.name} is there twice"
        seen.add(each.name)
        if each.default_value is not None and each.is_required:
            yield f"hyperparameter {each.name} has a DefaultValue, so it cannot be required"
        limits = each.range.integer_parameter_range_specification
        bounds = limits or each.range.continuous_parameter_range_specification or {}
        unreadable = [bound for bound in bounds.values() if not _DECIMAL.fullmatch(bound)]
        if unreadable:
            yield f"the range of hyperparameter {each.name} has {unreadable[0]!r}, which is no number"
        elif each.default_value is not None:
            yield from faults_of_value(each, each.default_value)


def _outside(name: str, value: str, limits: Mapping[str, str] | None) -> Iterator[str]:
    if limits is not None and not Decimal(limits["MinValue"]) <= Decimal(value) <= Decimal(
        limits["MaxValue"]
    ):
        yield f"hyperparameter {name} must be from {limits['MinValue']} to {limits['MaxValue']}, not {value}"
