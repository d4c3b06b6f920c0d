"""Legal requests that no AWS SDK for Python makes: header spelling, framing and HTTP versions of other callers."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.emulator_process import EmulatorProcess

JSON = "application/x-amz-json-1.1"
LIST = {"X-Amz-Target": "SageMaker.ListTrainingJobs"}


def signed(url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The headers with those of a signature over all of them, spelled as given."""
    request = AWSRequest("POST", url, headers=dict(headers), data=body)
    SigV4Auth(Credentials("test", "test"), "sagemaker", "us-east-1").add_auth(request)
    return {**headers, **{name: value for name, value in request.headers.items() if name not in headers}}


@pytest.fixture
def connection(emulator: EmulatorProcess) -> Iterator[http.client.HTTPConnection]:
    address = urlsplit(emulator.url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-target": "SageMaker.ListTrainingJobs", "content-type": JSON},
        {"X-AMZ-TARGET": "SageMaker.ListTrainingJobs", "CONTENT-TYPE": JSON},
        {**LIST, "Content-Type": f"{JSON}; charset=utf-8"},
        {**LIST, "Content-Type": 'Application/X-Amz-Json-1.1;Charset="UTF-8"'},
        {
            **LIST,
            "Content-Type": JSON,
            "Accept": "*/*",
            "Accept-Encoding": "identity;q=1, *;q=0",
            "TE": "trailers",
        },
        {**LIST, "Content-Type": JSON, "User-Agent": "", "Amz-Sdk-Invocation-Id": "1", "Cookie": "a=b"},
        {**LIST, "Content-Type": JSON, "Expect": "100-continue"},
    ],
    ids=["lower case", "upper case", "charset", "quoted charset", "accepts", "no agent", "expects"],
)
def test_headers_of_other_spelling_are_understood(
    emulator: EmulatorProcess, connection: http.client.HTTPConnection, headers: dict[str, str]
) -> None:
    body = b'{"MaxResults": 1}'

    connection.request("POST", "/", body, signed(emulator.url + "/", headers, body))
    answer = connection.getresponse()

    assert answer.status == 200
    assert "TrainingJobSummaries" in json.loads(answer.read())
    assert answer.headers["Content-Type"] == JSON


def test_body_in_chunks_is_understood(
    emulator: EmulatorProcess, connection: http.client.HTTPConnection
) -> None:
    headers = signed(emulator.url + "/", {**LIST, "Content-Type": JSON}, b'{"MaxResults": 1}')
    headers = {name: value for name, value in headers.items() if name != "Content-Length"}

    connection.request("POST", "/", iter([b'{"Max', b'Results": 1}']), headers, encode_chunked=True)

    assert connection.getresponse().status == 200


def test_caller_of_http_1_0_gets_the_whole_answer_even_if_its_wish_to_keep_alive_is_declined(
    emulator: EmulatorProcess,
) -> None:
    address = urlsplit(emulator.url)
    head = f"POST / HTTP/1.0\r\nConnection: Keep-Alive\r\nX-Amz-Target: {LIST['X-Amz-Target']}\r\nContent-Type: {JSON}"
    request = f"{head}\r\nContent-Length: 2\r\n\r\n{{}}".encode()

    with socket.create_connection((address.hostname, address.port or 80), timeout=30) as caller:
        caller.sendall(request)
        with http.client.HTTPResponse(caller) as answer:
            answer.begin()
            assert (answer.status, answer.headers["Connection"]) == (200, "close")
            assert "TrainingJobSummaries" in json.loads(answer.read())
        assert caller.recv(1) == b"", "the connection was to be closed"


def test_name_of_the_host_may_be_written_in_capitals(
    emulator: EmulatorProcess, connection: http.client.HTTPConnection
) -> None:
    connection.request(
        "POST", "/", b"{}", {**LIST, "Content-Type": JSON, "Host": f"LOCALHOST:{connection.port}"}
    )

    assert connection.getresponse().status == 200
