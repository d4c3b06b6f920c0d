"""What only shows when the external S3 behind the emulator fails; the rest is in the S3 tests, which run through it."""

import socket
from collections.abc import Iterator

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.objects.pass_through import PassThrough
from tests.support.asgi_server import serving


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def dead() -> Iterator[str]:
    """The emulator's S3 where nothing answers behind it."""
    app = PassThrough(f"http://127.0.0.1:{closed_port()}", "key", "secret", "us-east-1", "123456789012")
    with serving(app) as server:
        yield server.url
        server.portal.call(app.close)


def test_an_s3_that_does_not_answer_is_told_in_s3s_words_each_time(dead: str) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=dead,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    for _ in range(3):
        with pytest.raises(ClientError) as fault:
            s3.put_object(Bucket="bucket", Key="key", Body=b"x" * 100_000)
        assert fault.value.response["Error"]["Code"] == "ServiceUnavailable"
    s3.close()


def test_a_chunked_body_without_its_length_is_refused(dead: str) -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
    }
    answer = httpx.put(f"{dead}/bucket/key", content=b"0\r\n\r\n", headers=headers)
    assert answer.status_code == 411
    assert "MissingContentLength" in answer.text
