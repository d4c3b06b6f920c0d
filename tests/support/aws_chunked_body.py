"""aws-chunked bodies, as the AWS SDKs make them."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping

_EMPTY = hashlib.sha256(b"").hexdigest()


def unsigned_chunks(body: bytes, size: int, trailers: Mapping[str, str]) -> bytes:
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces(body, size)]
    lines = [f"{name}:{value}\r\n".encode() for name, value in trailers.items()]
    return b"".join([*chunks, b"0\r\n", *lines, b"\r\n"])


def signed_chunks(body: bytes, size: int, headers: Mapping[str, str], secret: str, region: str) -> bytes:
    """Chunks signed after the request whose signed `headers` (with Authorization) are given."""
    time = headers["X-Amz-Date"]
    scope = f"{time[:8]}/{region}/s3/aws4_request"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = headers["Authorization"].rpartition("Signature=")[2]
    chunks = []
    for piece in [*pieces(body, size), b""]:
        digest = hashlib.sha256(piece).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", time, scope, signature, _EMPTY, digest])
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        chunks.append(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(piece), signature.encode(), piece))
    return b"".join(chunks)


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))
