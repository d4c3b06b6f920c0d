"""A request to S3, as far as every operation needs it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from emulator.domain.access_key import account_of
from emulator.domain.caller import Caller
from emulator.domain.credential_scope import read_credential_scope
from emulator.embedded_s3 import errors
from emulator.embedded_s3.body import RequestBody
from emulator.embedded_s3.records import BucketTarget
from emulator.virtual_host import bucket_of_host

_KEY_LIMIT = 1024


@dataclass(frozen=True)
class S3Request:
    method: str
    bucket: str
    """Empty for the service itself."""
    key: str
    """Empty for the bucket itself."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    caller: Caller
    body: RequestBody

    @property
    def target(self) -> BucketTarget:
        return BucketTarget(self.bucket, self.headers.get("x-amz-expected-bucket-owner"))

    def number(self, name: str, default: int, maximum: int) -> int:
        """The query's whole number `name`, at most `maximum`. Raises InvalidArgument."""
        text = self.query.get(name) or str(default)
        digits = text.lstrip("0") or "0"
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 10 or int(digits) > 2**31 - 1:
            raise errors.invalid_argument(
                name, text, f"Provided {name} not an integer or within integer range"
            )
        return min(int(digits), maximum)


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1").lower(), value_bytes.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def read_query(raw: bytes) -> dict[str, str]:
    """Raises InvalidURI."""
    try:
        return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")) if raw else {}
    except ValueError as error:
        raise errors.invalid_uri() from error


def read_address(host: str, raw_path: bytes, suffixes: Iterable[str]) -> tuple[str, str]:
    """The bucket and the key a request addresses, in either style. Raises InvalidURI, KeyTooLongError."""
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8").removeprefix("/")
    except UnicodeDecodeError as error:
        raise errors.invalid_uri() from error
    bucket = bucket_of_host(host, suffixes)
    key = path
    if not bucket:
        bucket, _, key = path.partition("/")
    if len(key.encode("utf-8")) > _KEY_LIMIT:
        raise errors.key_too_long(len(key.encode("utf-8")))
    return bucket, key


def read_caller(headers: Mapping[str, str], query: Mapping[str, str], default: Caller) -> Caller:
    """Who calls, from the credential scope of the (unchecked) signature in a header or in the URL.

    The account is the access key's, see domain/access_key.py; what the scope doesn't tell comes from `default`.
    """
    scope = read_credential_scope(headers.get("authorization", ""), query)
    return Caller(
        account_id=account_of(scope.access_key, default.account_id),
        region=scope.region or default.region,
        access_key=scope.access_key,
        request_id=default.request_id,
    )


def read_request(
    scope: Mapping[str, Any],
    body: RequestBody,
    headers: Mapping[str, str],
    suffixes: Iterable[str],
    default: Caller,
) -> S3Request:
    """Raises InvalidURI, KeyTooLongError."""
    raw_path = scope.get("raw_path") or scope["path"].encode("utf-8")
    bucket, key = read_address(headers.get("host", ""), raw_path, suffixes)
    query = read_query(scope.get("query_string", b""))
    return S3Request(scope["method"], bucket, key, query, headers, read_caller(headers, query, default), body)
