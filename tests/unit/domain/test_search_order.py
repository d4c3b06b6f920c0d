from datetime import timedelta
from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.domain.search_order import first_after, position_of, sorting_property
from tests.support.clock import START


def a_job(arn: str, **members: Any) -> dict[str, Any]:
    return {"TrainingJobArn": arn, **members}


def order(jobs: list[dict[str, Any]], by: str | None, is_descending: bool, page: int = 10) -> list[str]:
    """The ARNs in order, read page by page."""
    found = sorting_property(by)
    items = [(position_of(job, found), job["TrainingJobArn"]) for job in jobs]
    told: list[str] = []
    after = None
    while batch := first_after(items, after, is_descending, page):
        told += [arn for _, arn in batch]
        after = batch[-1][0]
    return told


@pytest.mark.parametrize("page", [1, 2, 10])
def test_results_are_sorted_and_those_without_a_value_come_last(page: int) -> None:
    metric = [{"MetricName": "m", "Value": value} for value in (3.0, -1.0, 3.0, float("nan"))]
    jobs = [a_job(str(n), FinalMetricDataList=[each]) for n, each in enumerate(metric)] + [a_job("none")]
    assert order(jobs, "Metrics.m", False, page) == ["1", "0", "2", "3", "none"]
    assert order(jobs, "Metrics.m", True, page) == ["2", "0", "1", "none", "3"]


def test_the_default_is_the_last_modified_time() -> None:
    jobs = [a_job(str(n), LastModifiedTime=START + timedelta(microseconds=n)) for n in (2, 1, 3)]
    assert order(jobs, None, False) == ["1", "2", "3"]


def test_hyperparameters_that_are_numbers_are_sorted_as_such_before_texts() -> None:
    values = {"a": "10", "b": "9", "c": "adam"}
    jobs = [a_job(arn, HyperParameters={"x": value}) for arn, value in values.items()]
    assert order(jobs, "HyperParameters.x", False) == ["b", "a", "c"]


@pytest.mark.parametrize("name", ["InputDataConfig", "VpcConfig", "Colour"])
def test_what_has_no_order_is_refused(name: str) -> None:
    with pytest.raises(ServiceError):
        sorting_property(name)
