"""S3 requests to our port, passed on to the external S3 and signed anew with the emulator's credentials."""

from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit
from xml.sax.saxutils import escape

import httpx
from minio.credentials.credentials import Credentials
from minio.signer import sign_v4_s3

from emulator.domain.s3_browsing import ISOLATION
from emulator.objects.address import Address, check_address, check_overrides
from emulator.objects.default_buckets import DefaultBuckets, is_owned_otherwise
from emulator.objects.encryption_headers import echoed
from emulator.objects.payload import payload_of
from emulator.objects.refusal import Refusal
from emulator.relay import Receive, Scope, Send, has_body, passed_on, read_body, read_headers, send_on
from emulator.virtual_host import bucket_of_host

PRESIGNATURE = frozenset(
    f"x-amz-{name}"
    for name in ("algorithm", "credential", "date", "expires", "signedheaders", "signature", "security-token")
) | {"awsaccesskeyid", "signature", "expires"}
"""Query members of presigned URLs, of signature versions 4 and 2."""


class PassThrough:
    """An ASGI app. The callers' signatures are not checked: they tell whom, and the network decides who may."""

    def __init__(
        self, endpoint_url: str, access_key: str, secret_key: str, region: str, account_id: str
    ) -> None:
        """`account_id` is that of callers whose credentials don't tell."""
        self._endpoint = urlsplit(endpoint_url.rstrip("/"))
        self._credentials = Credentials(access_key, secret_key)
        self._region = region
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(60, read=300), limits=limits, trust_env=False)
        self._default_buckets = DefaultBuckets(self._ask, account_id, region)

    async def start(self) -> None:
        """Nothing to do before the first request."""

    async def close(self) -> None:
        await self._client.aclose()

    @property
    def url(self) -> str:
        """Of the external S3."""
        return self._endpoint.geturl()

    async def is_answering(self) -> bool:
        """Whether the external S3 answers anything at all."""
        try:
            await self._client.get(f"{self._endpoint.scheme}://{self._endpoint.netloc}/", timeout=2)
        except httpx.HTTPError:
            return False
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = read_headers(scope)
        address = Address(
            scope["method"], _path(scope, headers.get("host", "")), scope["query_string"].decode("latin-1")
        )
        try:
            check_address(address)
            check_overrides(address, headers)
            if is_owned_otherwise(address, headers):
                raise Refusal(403, "AccessDenied", "Access Denied")
            await self._default_buckets.make(address, headers)
            request = self._request(scope, headers, receive)
            response = await self._client.send(request, stream=True)
        except Refusal as refusal:
            await _send_error(send, refusal.status, refusal.code, refusal.message)
        except httpx.InvalidURL as error:
            await _send_error(send, 400, "InvalidRequest", str(error))
        except httpx.TransportError as error:
            await _send_error(send, 503, "ServiceUnavailable", f"The external S3 does not answer: {error}")
        else:
            self._default_buckets.notice(address, response.status_code)
            if response.is_success and scope["method"] in ("PUT", "POST"):
                response.headers.update(echoed(headers))
            response.headers.update(ISOLATION)
            await send_on(response, passed_on(response.headers.raw), receive, send)

    async def _ask(self, method: str, path: str) -> int:
        """The status of an answer to a request of our own. Raises httpx.TransportError."""
        request = self._request({"method": method, "path": path, "query_string": b""}, {}, _nothing)
        return (await self._client.send(request)).status_code

    def _request(self, scope: Scope, headers: dict[str, str], receive: Receive) -> httpx.Request:
        payload = payload_of(headers, read_body(receive))
        path = _path(scope, headers.get("host", ""))
        query = _query(scope["query_string"])
        url = f"{self._endpoint.scheme}://{self._endpoint.netloc}{path}" + (f"?{query}" if query else "")
        outgoing = {"accept-encoding": "identity", **payload.headers, "host": self._endpoint.netloc}
        outgoing["x-amz-content-sha256"] = payload.sha256
        now = datetime.now(UTC)
        outgoing["x-amz-date"] = now.strftime("%Y%m%dT%H%M%SZ")
        signed = sign_v4_s3(
            method=scope["method"],
            url=urlsplit(url),
            region=self._region,
            headers=dict(outgoing),
            credentials=self._credentials,
            content_sha256=payload.sha256,
            date=now,
        )
        return httpx.Request(
            scope["method"],
            httpx.URL(url),
            headers=[(name.encode(), str(value).encode()) for name, value in signed.items()],
            content=payload.body if has_body(headers) else None,
        )


async def _nothing() -> MutableMapping[str, Any]:
    return {"type": "http.request"}


def _path(scope: Scope, host: str) -> str:
    """The path-style path in AWS's own percent-encoding, which the signature is made of."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = quote(unquote_to_bytes(raw), safe="/-_.~")
    bucket = bucket_of_host(host)
    return f"/{bucket}{path}" if bucket else path


def _query(raw: bytes) -> str:
    """The query in AWS's own form, sorted, without the caller's signature: the headers carry ours."""
    pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
    kept = [(name, value) for name, value in pairs if name.lower() not in PRESIGNATURE]
    encoded = [(_encode(name), _encode(value)) for name, value in kept]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _encode(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="-_.~")


async def _send_error(send: Send, status: int, code: str, message: str) -> None:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
    # The request's body may not have been read, so only a new connection is in a known state.
    headers = [(b"content-type", b"application/xml"), (b"content-length", str(len(body)).encode())]
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
