"""sagemaker-runtime against real containers."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from botocore.exceptions import ClientError, EventStreamError

from emulator.hosting.routing import InstanceRoute, VariantRoute
from emulator.hosting.runtime import RuntimeLimits
from tests.e2e.hosting_client import WISHES_TYPE, HostingClient, direct_url, variant
from tests.e2e.training_client import ACCOUNT, BUCKET, new_name, until
from tests.support.runtime_server import running_runtime


@pytest.fixture(scope="module")
def echo(hosting: HostingClient) -> Iterator[str]:
    """An endpoint that most tests ask."""
    name = hosting.deploy()
    yield name
    hosting.delete(name)


def test_headers_reach_the_container_and_come_back(hosting: HostingClient, echo: str) -> None:
    wish = {"report": True, "headers": {"X-Amzn-SageMaker-Custom-Attributes": "kept", "X-Secret": "mine"}}
    answer = hosting.runtime.invoke_endpoint(
        EndpointName=echo,
        Body=b"1,2,3",
        ContentType="text/csv",
        Accept="application/json",
        CustomAttributes=json.dumps(wish),
        InferenceId="inference-7",
    )
    seen = json.loads(answer["Body"].read())["request"]
    assert seen["path"] == "/invocations"
    assert seen["length"] == 5
    sent = {name: value for name, value in seen["headers"].items() if name not in ("host", "user-agent")}
    assert sent.pop("content-length", "5") == "5"
    assert sent == {
        "content-type": "text/csv",
        "accept": "application/json",
        "x-amzn-sagemaker-custom-attributes": json.dumps(wish),
        "x-amzn-sagemaker-inference-id": "inference-7",
    }
    assert answer["ContentType"] == "application/json"
    assert answer["CustomAttributes"] == "kept"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert "x-secret" not in answer["ResponseMetadata"]["HTTPHeaders"]


def test_body_of_some_size_comes_back_as_it_went(hosting: HostingClient, echo: str) -> None:
    body = bytes(range(256)) * 4 * 5 * 1024
    answer = hosting.runtime.invoke_endpoint(EndpointName=echo, Body=body, ContentType="application/x-npy")
    assert answer["Body"].read() == body
    assert answer["ContentType"] == "application/x-npy"


@pytest.mark.parametrize(("status", "kind"), [(400, "client"), (500, "server"), (503, "server")])
def test_error_of_the_model(hosting: HostingClient, echo: str, status: int, kind: str) -> None:
    with pytest.raises(ClientError) as caught:
        hosting.ask(echo, wish={"status": status, "body": "no such feature"})
    told = caught.value.response
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert told["Error"]["Code"] == "ModelError"
    assert told["OriginalStatusCode"] == status
    assert told["OriginalMessage"] == "no such feature"
    assert told["Error"]["Message"].startswith(
        f'Received {kind} error ({status}) from primary with message "no such feature". See https://us-east-1.'
    )
    assert told["LogStreamArn"].endswith(f"log-group:/aws/sagemaker/Endpoints/{echo}")


def test_unknown_endpoint_and_one_that_is_being_created(hosting: HostingClient) -> None:
    with pytest.raises(ClientError) as unknown:
        hosting.ask("nowhere")
    assert unknown.value.response["Error"]["Code"] == "ValidationError"
    assert unknown.value.response["Error"]["Message"] == f"Endpoint nowhere of account {ACCOUNT} not found."
    name = hosting.create(variant(hosting.create_model(hosting.container(environment={"PING_AFTER": "3"}))))
    with pytest.raises(ClientError, match="not found"):
        hosting.ask(name)
    hosting.delete(name)


@contextmanager
def stream(hosting: HostingClient, name: str, **wish: int) -> Iterator[Iterator[bytes]]:
    answer = hosting.runtime.invoke_endpoint_with_response_stream(
        EndpointName=name, Body=b"x", CustomAttributes=json.dumps({"stream": wish})
    )
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    with closing(answer["Body"]) as events:
        yield (event["PayloadPart"]["Bytes"] for event in events)


def test_stream_gives_its_first_bytes_before_its_last(hosting: HostingClient) -> None:
    name = hosting.deploy()
    with stream(hosting, name, chunks=2, size=10, pause=60) as parts:
        assert next(parts) == b"0" * 10
        assert hosting.report(name)["in_flight"] == 2, "the stream had ended"
    hosting.delete(name)


def test_stream_is_whole_and_in_order(hosting: HostingClient, echo: str) -> None:
    with stream(hosting, echo, chunks=4, size=300_000) as parts:
        assert b"".join(parts) == b"".join(number * 300_000 for number in (b"0", b"1", b"2", b"3"))


def test_stream_that_breaks_off(hosting: HostingClient) -> None:
    name = hosting.deploy()
    with stream(hosting, name, chunks=3, size=10, exit_after=1) as parts:
        assert next(parts) == b"0" * 10
        with pytest.raises(EventStreamError, match="ModelStreamError"):
            next(parts)
    hosting.delete(name)


def test_limit_of_an_invocation_counts_the_containers_silence(hosting: HostingClient, tmp_path: Path) -> None:
    """The runtime of this process, because no setting shortens the limit, with a real container behind it."""
    name = hosting.deploy()
    [container] = hosting.containers(name)
    instance = InstanceRoute("AllTraffic-1", (direct_url(container),))
    with running_runtime(tmp_path, RuntimeLimits(invocation=4)) as hasty, closing(hasty.client()) as runtime:
        hasty.route(VariantRoute(name="AllTraffic", instances=(instance,)), name=name)

        def ask(**wish: object) -> bytes:
            answer = runtime.invoke_endpoint(EndpointName=name, Body=b"x", CustomAttributes=json.dumps(wish))
            told: bytes = answer["Body"].read()
            return told

        with pytest.raises(ClientError, match="ModelError") as late:
            ask(sleep=600)
        assert ask(stream={"chunks": 4, "size": 1, "pause": 1.5}) == b"0123", "bytes that move extend it"
        assert ask() == b"x", "the container goes on"
    assert "timed out while waiting for a response" in late.value.response["OriginalMessage"]
    assert late.value.response["OriginalStatusCode"] == 0
    hosting.delete(name)


def test_container_has_sixty_seconds_to_answer(hosting: HostingClient) -> None:
    name = hosting.deploy()
    with ThreadPoolExecutor() as callers:
        late = callers.submit(hosting.ask, name, wish={"sleep": 600})
        timely = callers.submit(hosting.ask, name, b"in time", wish={"sleep": 45})
        began = monotonic()
        error = late.exception()
        assert monotonic() - began >= 55
        assert timely.result() == b"in time"
    assert isinstance(error, ClientError)
    assert "timed out while waiting for a response" in error.response["OriginalMessage"]
    hosting.delete(name)


def object_at(hosting: HostingClient, uri: str) -> bytes | None:
    """None while it is not there."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    try:
        body: bytes = hosting.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except hosting.s3.exceptions.NoSuchKey:
        return None
    return body


def test_asynchronous_invocations_leave_their_outcome_in_s3(hosting: HostingClient) -> None:
    prefix = f"s3://{BUCKET}/{new_name('async')}"
    output = {"S3OutputPath": f"{prefix}/out", "S3FailurePath": f"{prefix}/failed"}
    name = hosting.create(variant(hosting.create_model()), AsyncInferenceConfig={"OutputConfig": output})
    hosting.wait(name)
    inputs = hosting.training.put(
        {"good": b"1,2", "bad": json.dumps({"status": 500, "body": "broken"}).encode()}
    )
    told = {
        which: hosting.runtime.invoke_endpoint_async(
            EndpointName=name, InputLocation=f"{inputs}{which}", ContentType=content_type
        )
        for which, content_type in {"good": "text/csv", "bad": WISHES_TYPE, "none": "text/csv"}.items()
    }
    assert told["good"]["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert told["good"]["OutputLocation"].startswith(f"{prefix}/out/")
    assert until("the output", lambda: object_at(hosting, told["good"]["OutputLocation"])) == b"1,2"
    failure = until("the failure", lambda: object_at(hosting, told["bad"]["FailureLocation"]))
    assert b"broken" in failure
    assert until("the other failure", lambda: object_at(hosting, told["none"]["FailureLocation"]))
    assert object_at(hosting, told["bad"]["OutputLocation"]) is None
    with pytest.raises(ClientError, match="InvokeEndpointAsync"):
        hosting.ask(name, b"x")
    hosting.delete(name)


def captured_lines(hosting: HostingClient, prefix: str, count: int) -> dict[str, list[bytes]] | None:
    """By key, in order of time; None while there are fewer. A file is closed after five seconds."""
    keys = sorted(hosting.training.keys(f"{prefix}/"))
    found = {key: hosting.training.body(f"s3://{BUCKET}/{key}").splitlines() for key in keys}
    return found if sum(map(len, found.values())) >= count else None


def test_captured_data_is_written_as_json_lines(hosting: HostingClient) -> None:
    prefix = new_name("capture")
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/{prefix}",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    name = hosting.create(variant(hosting.create_model()), DataCaptureConfig=capture)
    hosting.wait(name)
    for number in range(3):
        hosting.ask(name, f"1,{number}".encode(), ContentType="text/csv", InferenceId=f"id-{number}")
    captured = until("the captured data", lambda: captured_lines(hosting, prefix, 3))
    file = rf"{name}/AllTraffic/\d{{4}}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{{3}}-[-0-9a-f]{{36}}\.jsonl"
    assert all(re.fullmatch(f"{prefix}/{file}", key) for key in captured)
    events = [json.loads(line) for lines in captured.values() for line in lines]
    assert [event["eventMetadata"]["inferenceId"] for event in events] == ["id-0", "id-1", "id-2"]
    assert events[1]["captureData"] == {
        side: {"observedContentType": "text/csv", "mode": mode, "data": "1,1", "encoding": "CSV"}
        for side, mode in {"endpointInput": "INPUT", "endpointOutput": "OUTPUT"}.items()
    }
    hosting.delete(name)


def statistic(hosting: HostingClient, name: str, metric: str, kind: str) -> float:
    """Over the last hour."""
    now = datetime.now(UTC)
    found = hosting.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[
            {"Name": "EndpointName", "Value": name},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=[kind],
    )
    return float(sum(point[kind] for point in found["Datapoints"]))


def test_metrics_of_invocations(hosting: HostingClient) -> None:
    name = hosting.deploy()
    for wish in ({"sleep": 0.3}, {"status": 400}, {"status": 500}):
        try:
            hosting.ask(name, wish=wish)
        except ClientError as error:
            assert "status" in wish, error  # noqa: PT017 - the others must not fail
    until("three invocations", lambda: statistic(hosting, name, "Invocations", "Sum") == 3)
    assert statistic(hosting, name, "Invocation4XXErrors", "Sum") == 1
    assert statistic(hosting, name, "Invocation5XXErrors", "Sum") == 1
    assert 300_000 <= statistic(hosting, name, "ModelLatency", "Maximum") < 10_000_000
    assert 0 < statistic(hosting, name, "OverheadLatency", "Maximum") < 10_000_000
    hosting.delete(name)


def test_object_whose_url_looks_like_an_invocation(hosting: HostingClient) -> None:
    """A bucket may be called `endpoints`."""
    where = {"Bucket": "endpoints", "Key": "x/invocations"}
    hosting.s3.create_bucket(Bucket="endpoints")
    upload = hosting.s3.create_multipart_upload(**where)["UploadId"]
    part = hosting.s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"mine")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    hosting.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    assert hosting.s3.get_object(**where)["Body"].read() == b"mine"
