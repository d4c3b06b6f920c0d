"""The headers and the body that the external S3 gets of a request."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from emulator.aws_chunked import ChunkedDecoder, MalformedChunkError, is_aws_chunked
from emulator.objects.default_buckets import OWNER_HEADERS
from emulator.objects.encryption_headers import OF_ENCRYPTION
from emulator.objects.refusal import Refusal

UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

NOT_PASSED_ON = frozenset(
    {"authorization", "connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding"}
    | {"proxy-authenticate", "proxy-authorization", "upgrade"}
    | {"x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
    | OF_ENCRYPTION
    | OWNER_HEADERS
)
OF_THE_CODING = frozenset(
    {"content-encoding", "content-length", "x-amz-decoded-content-length", "x-amz-trailer"}
)
"""Headers that speak of an aws-chunked body, not of what is in it."""


@dataclass(frozen=True)
class Payload:
    sha256: str
    """The value of x-amz-content-sha256."""
    headers: dict[str, str]
    """Text as UTF-8 has it, which is what S3 reads and what is signed."""
    body: AsyncIterator[bytes]
    """Iterating raises Refusal where the coding is broken."""


def payload_of(headers: dict[str, str], body: AsyncIterator[bytes]) -> Payload:
    """A body whose chunks the caller signed is freed from the chunks: we cannot sign them anew. Raises Refusal."""
    kept = {name: _utf8(name, value) for name, value in headers.items() if name not in NOT_PASSED_ON}
    sha256 = _utf8("x-amz-content-sha256", headers.get("x-amz-content-sha256", UNSIGNED))
    if not is_aws_chunked(headers) or sha256 == UNSIGNED_TRAILER:
        return Payload(sha256, kept, body)
    kept = {name: value for name, value in kept.items() if name not in OF_THE_CODING}
    length = _decoded_length(headers)
    kept["content-length"] = str(length)
    codings = [c.strip() for c in headers.get("content-encoding", "").split(",")]
    if left := [coding for coding in codings if coding not in ("", "aws-chunked")]:
        kept["content-encoding"] = ",".join(left)
    return Payload(UNSIGNED, kept, _decode(body, length))


def _utf8(name: str, value: str) -> str:
    """Servers decode headers as Latin-1, whose bytes these are."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(400, "InvalidArgument", f"The value of the header {name} is not UTF-8.") from error


def _decoded_length(headers: dict[str, str]) -> int:
    text = headers.get("x-amz-decoded-content-length")
    if text is None:
        raise Refusal(411, "MissingContentLength", "x-amz-decoded-content-length is missing.")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refusal(400, "InvalidArgument", "x-amz-decoded-content-length is no length.")
    return int(text)


async def _decode(body: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    decoder, size = ChunkedDecoder(), 0
    try:
        async for data in body:
            decoded = decoder.feed(data)
            size += len(decoded)
            if size > length:
                break
            yield decoded
        else:
            decoder.finish()
    except MalformedChunkError as error:
        raise Refusal(400, "IncompleteBody", str(error)) from error
    if size != length:
        text = "The content is not as long as x-amz-decoded-content-length says."
        raise Refusal(400, "IncompleteBody", text)
