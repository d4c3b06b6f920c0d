"""What a SEARCH finds."""

import pytest

from emulator.metrics.metric import MetricKey
from emulator.metrics.search_expression import parse_search

KEY = MetricKey("1", "r", "/aws/sagemaker/TrainingJobs", "CPUUtilization", (("Host", "job-1/algo-1"),))


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("", True),
        ("Host=job-1/algo-1", True),
        ("Host=job-1", True),
        ("Host=job-1/algo-2", False),
        ('Host="job-1/algo-1"', True),
        ('Host="job-1"', False),
        ("Host=ob-1", False),
        ("CPU", True),
        ("utilization", True),
        ("util", False),
        ("MetricName=CPUUtilization", True),
        ('MetricName="CPU"', False),
        ("sagemaker Host", True),
        ("memory OR cpu", True),
        ("memory AND cpu", False),
        ("NOT memory", True),
        ("NOT (memory OR cpu)", False),
        ('Host=("a" OR "job-1/algo-1")', True),
        ("Missing=job", False),
    ],
)
def test_terms(search: str, expected: bool) -> None:
    assert parse_search(f"{{/aws/sagemaker/TrainingJobs,Host}} {search}").matches(KEY) is expected


def test_schema_names_namespace_and_dimensions() -> None:
    pattern = parse_search('{"My Space", "A B", C} x')
    assert (pattern.namespace, pattern.dimensions) == ("My Space", {"A B", "C"})
    assert parse_search("{N}").dimensions == frozenset()
    assert parse_search("x")[:2] == (None, None)


@pytest.mark.parametrize(
    "search",
    ['"open', "(a", "a)", "AND", "a OR", "NOT", "=", ":aws.AccountId=1", "(" * 99, "NOT " * 99, "{}"],
)
def test_what_is_no_search_is_refused(search: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_search(search)
