import json
import random
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.eventstream import ChecksumMismatch, EventStream, EventStreamBuffer
from botocore.exceptions import EventStreamError
from botocore.parsers import EventStreamJSONParser

from emulator.wire.event_stream import (
    PART_LIMIT,
    internal_stream_failure,
    message,
    model_stream_error,
    payload_parts,
)


def decoded(data: bytes, cut: int = 7) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    found = []
    for begin in range(0, len(data), cut):
        buffer.add_data(data[begin : begin + cut])
        found += [(event.headers, event.payload) for event in buffer]
    assert buffer._data == b""
    return found


def as_boto3_sees_it(data: bytes) -> EventStream:
    class Raw:
        def stream(self) -> Iterator[bytes]:
            yield from (data[n : n + 100] for n in range(0, len(data), 100))

    model = botocore.session.get_session().get_service_model("sagemaker-runtime")
    shape = model.operation_model("InvokeEndpointWithResponseStream").output_shape.members["Body"]
    return EventStream(Raw(), shape, EventStreamJSONParser(), "InvokeEndpointWithResponseStream")


def test_a_message_has_its_headers_and_payload() -> None:
    headers = {":event-type": "größe", "x" * 255: "", "long": "y" * 65535}

    assert decoded(message(headers, b"\0payload") + message({}, b""), cut=1000) == [
        (headers, b"\0payload"),
        ({}, b""),
    ]


def test_every_damaged_byte_is_noticed() -> None:
    good = message({":event-type": "PayloadPart"}, b"payload")
    for position in range(8, len(good)):
        damaged = bytearray(good)
        damaged[position] ^= 1
        buffer = EventStreamBuffer()
        buffer.add_data(bytes(damaged))
        with pytest.raises(ChecksumMismatch):
            buffer.next()


def test_payload_parts_are_events() -> None:
    assert decoded(b"".join(payload_parts(b"\xff\0"))) == [
        (
            {
                ":event-type": "PayloadPart",
                ":content-type": "application/octet-stream",
                ":message-type": "event",
            },
            b"\xff\0",
        )
    ]
    assert list(payload_parts(b"")) == []


def test_large_data_are_several_parts() -> None:
    data = random.Random(3).randbytes(2 * PART_LIMIT + 1)
    found = decoded(b"".join(payload_parts(data)), cut=10**6)

    assert [len(payload) for _, payload in found] == [PART_LIMIT, PART_LIMIT, 1]
    assert b"".join(payload for _, payload in found) == data


def test_boto3_reads_the_parts() -> None:
    stream = b"".join(part for chunk in (b"one", b'{"two": 2}', b"\n") for part in payload_parts(chunk))

    assert [event["PayloadPart"]["Bytes"] for event in as_boto3_sees_it(stream)] == [
        b"one",
        b'{"two": 2}',
        b"\n",
    ]


@pytest.mark.parametrize(
    ("last", "code", "text"),
    [
        (model_stream_error("StreamBroken", "größe"), "ModelStreamError", "größe"),
        (internal_stream_failure("x" * 5000), "InternalStreamFailure", "x" * 2048),
    ],
)
def test_boto3_raises_what_ends_the_stream(last: bytes, code: str, text: str) -> None:
    events = iter(as_boto3_sees_it(b"".join(payload_parts(b"first")) + last))

    assert next(events)["PayloadPart"]["Bytes"] == b"first"
    with pytest.raises(EventStreamError) as error:
        next(events)
    assert error.value.response["Error"]["Code"] == code
    headers, payload = decoded(last)[0]
    assert headers[":message-type"] == "exception"
    assert json.loads(payload)["Message"] == text


def test_a_model_stream_error_has_its_code() -> None:
    (_, payload), *_ = decoded(model_stream_error("ModelInvocationTimeExceeded", "too slow"))

    assert payload == b'{"Message": "too slow", "ErrorCode": "ModelInvocationTimeExceeded"}'
