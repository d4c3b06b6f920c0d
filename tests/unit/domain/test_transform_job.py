from dataclasses import replace
from datetime import timedelta

import pytest

from emulator.domain.transform_job import TransformJobStatus
from tests.support.clock import START
from tests.support.hosting_requests import a_transform_input, a_transform_job

S = TransformJobStatus
LATER = START + timedelta(seconds=5)


@pytest.mark.parametrize("final", [S.COMPLETED, S.FAILED, S.STOPPED])
def test_a_job_stops_from_the_moment_of_the_wish_until_it_is_over(final: TransformJobStatus) -> None:
    job = a_transform_job()
    assert (job.status, job.is_final) == (S.IN_PROGRESS, False)
    stopping = replace(job, stop_requested_at=LATER)
    assert (stopping.status, stopping.is_final, stopping.last_modified_time) == (S.STOPPING, False, LATER)
    over = stopping.advance(status=final)
    assert (over.status, over.is_final) == (final, True)


def test_what_the_request_leaves_out_has_aws_defaults() -> None:
    request = a_transform_job().request
    assert (request.max_concurrent_transforms, request.max_payload_in_mb, request.batch_strategy) == (
        0,
        None,
        None,
    )
    assert (request.transform_input.split_type, request.transform_input.compression_type) == ("None", "None")
    assert request.transform_output.assemble_with == "None"
    client = request.model_client_config
    assert (client.invocations_timeout_in_seconds, client.invocations_max_retries) == (600, 3)
    assert request.data_processing == ("$", "None", "$")


def test_the_request_is_read_as_it_was_given() -> None:
    job = a_transform_job(
        MaxPayloadInMB=0,
        DataProcessing={"JoinSource": "Input"},
        TransformInput=a_transform_input(ContentType="text/csv", SplitType="Line"),
        TransformOutput={"S3OutputPath": "s3://b/out/", "Accept": "text/csv", "AssembleWith": "Line"},
    )
    assert (job.request.max_payload_in_mb, job.request.data_processing.is_joined) == (0, True)
    assert str(job.request.transform_input.source.uri) == "s3://inputs/a/"
    assert job.request.transform_output.uri == ("b", "out/")
    assert [container.image for container in job.model.pipeline] == ["inference:1"]
