from collections.abc import Iterator
from typing import Any

from emulator.testing.trained_job import TrainedJob

STREAMS = {"job/algo-1-7": ["one"], "job/algo-10-7": ["ten"], "job-2/algo-1-7": ["other"]}


class Logs:
    """CloudWatch Logs with STREAMS, of which only the paginator is asked for."""

    class exceptions:  # noqa: N801 - as boto3 has it
        ResourceNotFoundException = LookupError

    def get_paginator(self, operation: str) -> "Logs":
        assert operation == "filter_log_events"
        return self

    def paginate(self, *, logGroupName: str, logStreamNamePrefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert logGroupName == "/aws/sagemaker/TrainingJobs"
        for name, lines in STREAMS.items():
            if name.startswith(logStreamNamePrefix):
                yield {"events": [{"message": line} for line in lines]}


def test_lines_of_one_host_and_of_all() -> None:
    job = TrainedJob({"TrainingJobName": "job"}, lambda service: {"logs": Logs()}[service])
    assert job.host_logs("algo-1") == ["one"]
    assert job.host_logs("algo-10") == ["ten"]
    assert job.logs == ["one", "ten"]
