"""Pure: a SearchExpression on training jobs, compiled to a test of one job's description (API SearchExpression)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emulator.domain.errors import validation_error
from emulator.domain.search_filter import compile_filter
from emulator.domain.training_job_properties import Document, Kind, find_member, find_property

Expression = Mapping[str, Any]
Matches = Callable[[Document], bool]

MOST_ELEMENTS = 50
"""Filters, nested filters and subexpressions together (API Search)."""


def compile_expression(expression: Expression | None) -> Matches:
    """None matches every job. Raises ValidationException for an expression that means nothing."""
    if expression is None:
        return lambda document: True
    elements = list(_elements(expression))
    if len(elements) > MOST_ELEMENTS:
        raise validation_error(
            f"A SearchExpression can have at most {MOST_ELEMENTS} Filters, NestedFilters and SubExpressions."
        )
    if sum(element.get("Operator") == "Contains" for element in elements) > 1:
        raise validation_error("'CONTAINS' operator usage limit of 1 exceeded.")
    return _compile(expression)


def _elements(expression: Expression) -> Iterator[Expression]:
    yield from expression.get("Filters", [])
    for nested in expression.get("NestedFilters", []):
        yield nested
        yield from nested["Filters"]
    for sub_expression in expression.get("SubExpressions", []):
        yield sub_expression
        yield from _elements(sub_expression)


def _compile(expression: Expression) -> Matches:
    tests = [
        *map(_filter, expression.get("Filters", [])),
        *map(_nested_filters, expression.get("NestedFilters", [])),
        *map(_compile, expression.get("SubExpressions", [])),
    ]
    if not tests:
        raise validation_error(
            "A SearchExpression needs at least one of Filters, NestedFilters and SubExpressions."
        )
    combine = any if expression.get("Operator") == "Or" else all
    return lambda document: combine(test(document) for test in tests)


def _filter(asked: Mapping[str, str]) -> Matches:
    found = find_property(asked["Name"])
    test = compile_filter(found, asked)
    return lambda document: test(found.values(document))


def _nested_filters(nested: Mapping[str, Any]) -> Matches:
    """Satisfied where one element of the list satisfies all filters."""
    name = nested["NestedPropertyName"]
    outer = find_member(name)
    if outer is None or outer.kind is not Kind.LIST:
        raise validation_error(
            f"{name} is not a property of TrainingJob that NestedFilters can be used with."
        )
    tests = []
    for asked in nested["Filters"]:
        found = find_member(asked["Name"])
        if found is None or not asked["Name"].startswith(f"{name}."):
            raise validation_error(f"{asked['Name']} is not a property of {name}.")
        tests.append((found.within(outer), compile_filter(found, asked)))
    return lambda document: any(
        all(test(found.values(element)) for found, test in tests) for element in outer.values(document)
    )
