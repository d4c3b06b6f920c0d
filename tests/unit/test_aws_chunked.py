import pytest

from emulator.aws_chunked import ChunkedDecoder, MalformedChunkError, is_aws_chunked
from tests.support.aws_chunked_body import signed_chunks, unsigned_chunks

BODY = bytes(range(256)) * 10
SIGNED = {"X-Amz-Date": "20130524T000000Z", "Authorization": "AWS4-HMAC-SHA256 Signature=4f23"}


def decode(coded: bytes, step: int) -> tuple[bytes, dict[str, str]]:
    decoder = ChunkedDecoder()
    body = b"".join(decoder.feed(coded[start : start + step]) for start in range(0, len(coded), step))
    decoder.finish()
    return body, decoder.trailers


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 1000, 100_000])
def test_decoder_takes_pieces_of_any_size(step: int) -> None:
    trailers = {"x-amz-checksum-crc32": "AAAAAA=="}
    assert decode(unsigned_chunks(BODY, 100, trailers), step) == (BODY, trailers)
    assert decode(signed_chunks(BODY, 100, SIGNED, "secret", "us-east-1"), step) == (BODY, {})


def test_decoder_of_an_empty_body() -> None:
    assert decode(b"0\r\n\r\n", 100) == (b"", {})
    assert decode(b"0;chunk-signature=00\r\n\r\n", 100) == (b"", {})


def test_decoder_of_signed_trailers() -> None:
    coded = b"3;chunk-signature=aa\r\nabc\r\n0;chunk-signature=bb\r\nx-amz-checksum-crc32c:sOO8/Q==\n\r\n"
    signed = coded + b"X-Amz-Trailer-Signature: cc\r\n\r\n"
    expected = {"x-amz-checksum-crc32c": "sOO8/Q==", "x-amz-trailer-signature": "cc"}
    assert decode(signed, 5) == (b"abc", expected)


def test_decoder_takes_a_missing_last_line() -> None:
    assert decode(b"3\r\nabc\r\n0\r\n", 4) == (b"abc", {})
    assert decode(b"3\r\nabc\r\n0\r\na:b\r\n", 4) == (b"abc", {"a": "b"})


def test_decoder_gives_payload_as_it_comes() -> None:
    decoder = ChunkedDecoder()
    assert decoder.feed(b"A\r\n01234") == b"01234"
    assert decoder.feed(b"56789\r\n") == b"56789"


@pytest.mark.parametrize(
    "coded",
    [
        b"",
        b"3\r\nab",
        b"3\r\nabc",
        b"3\r\nabc\r\n",
        b"3\r\nabc\r\n0",
        b"3\r\nabc\r\n0\r\na:b",
    ],
)
def test_decoder_misses_the_end(coded: bytes) -> None:
    with pytest.raises(MalformedChunkError):
        decode(coded, 100)


@pytest.mark.parametrize(
    "coded",
    [
        b"3\r\nabcd\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"\r\n",
        b"fffffffffffffffff\r\n",
        b"0\r\nno colon\r\n",
        b"0\r\nbad name: x\r\n",
        b"0\r\na:b\x01\r\n",
        b"1" * 20_000,
        b"0\r\n" + b"".join(b"t%d:x\r\n" % number for number in range(40)),
    ],
)
def test_decoder_refuses(coded: bytes) -> None:
    with pytest.raises(MalformedChunkError):
        ChunkedDecoder().feed(coded)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, True),
        ({"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, True),
        ({"content-encoding": "gzip, aws-chunked", "x-amz-decoded-content-length": "1"}, True),
        ({"content-encoding": "aws-chunked"}, False),
        ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "content-encoding": "gzip"}, False),
        ({}, False),
    ],
)
def test_is_aws_chunked(headers: dict[str, str], expected: bool) -> None:
    assert is_aws_chunked(headers) is expected
