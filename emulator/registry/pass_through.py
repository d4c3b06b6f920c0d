"""`/v2/`, the Docker registry API of ECR: requests passed on to the local registry, repositories by account and Region.

Whose repositories are meant, the login says. Docker sends it only where it is asked to, and who has not logged in
must be able to push as well: so the challenge is for a token, which everybody gets.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import httpx
from starlette.responses import JSONResponse, Response

from emulator.clock import Clock
from emulator.domain.ecr import EcrRegistry, RegistryUnavailableError, Repository, RepositoryKey
from emulator.registry.client import ACCEPT
from emulator.registry.local_registry import LocalRegistry
from emulator.registry.login_token import make_password, read_authorization
from emulator.registry.request_path import RequestPath, own_link, own_location, parse_path, upstream_query
from emulator.relay import Receive, Scope, Send, has_body, passed_on, read_body, read_headers, send_on

TOKEN = "/v2/token"  # noqa: S105 - a path
VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
LIFETIME = 12 * 3600
"""Seconds, as at AWS; nothing ends when they are over."""

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_NOT_PASSED_ON = frozenset(
    {"authorization", "connection", "expect", "host", "keep-alive", "te", "transfer-encoding"}
)


class Repositories(Protocol):
    async def ensure(self, key: RepositoryKey, now: datetime) -> Repository:
        """The repository, created where there is none."""

    async def note_push(self, key: RepositoryKey, digest: str, now: datetime) -> None: ...


@dataclass(frozen=True)
class Exchange:
    """One request to a repository."""

    method: str
    key: RepositoryKey
    path: RequestPath
    query: str
    headers: dict[str, str]

    @property
    def registry(self) -> EcrRegistry:
        return EcrRegistry(self.key.account_id, self.key.region)

    @property
    def begins_push(self) -> bool:
        return self.method == "POST" or self.is_manifest_push

    @property
    def is_manifest_push(self) -> bool:
        return self.method == "PUT" and self.path.kind == "manifests"


class RegistryFace:
    """An ASGI application."""

    def __init__(
        self, registry: LocalRegistry, repositories: Repositories, default: EcrRegistry, clock: Clock
    ) -> None:
        """`default`: whose repositories are meant by who has not logged in."""
        self._registry = registry
        self._repositories = repositories
        self._default = default
        self._clock = clock
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=16)
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(60, read=300), limits=limits, trust_env=False)

    async def close(self) -> None:
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = read_headers(scope)
        whose = read_authorization(headers.get("authorization", ""), self._default)
        answer = self._own_answer(scope, headers, whose)
        path = parse_path(scope["path"])
        if answer is None and whose is not None and path is not None:
            query = upstream_query(scope["query_string"].decode("latin-1"), whose)
            exchange = Exchange(scope["method"], RepositoryKey(*whose, path.name), path, query, headers)
            answer = await self._pass_on(exchange, receive, send)
        if answer is not None:
            await answer(scope, receive, send)

    def _own_answer(
        self, scope: Scope, headers: dict[str, str], whose: EcrRegistry | None
    ) -> Response | None:
        path = scope["path"].rstrip("/")
        if path == TOKEN:
            return _token(scope["method"], whose or self._default)
        if whose is None:
            return _challenge(headers.get("host", ""))
        if path == "/v2":
            return JSONResponse({}, headers=VERSION)
        return None if parse_path(scope["path"]) else _refusal(404, "NAME_UNKNOWN", "No such path of ECR's.")

    async def _pass_on(self, exchange: Exchange, receive: Receive, send: Send) -> Response | None:
        """An answer of our own, or None where the registry's has been sent."""
        try:
            url = (await self._registry.start()).url
            if exchange.begins_push and (refusal := await self._open(exchange, url)):
                return refusal
            request = self._client.build_request(
                exchange.method,
                f"{url}{exchange.path.upstream(exchange.key)}"
                + (f"?{exchange.query}" if exchange.query else ""),
                headers={name: v for name, v in exchange.headers.items() if name not in _NOT_PASSED_ON},
                content=read_body(receive) if has_body(exchange.headers) else None,
            )
            response = await self._client.send(request, stream=True)
        except RegistryUnavailableError as error:
            return _refusal(503, "UNAVAILABLE", str(error))
        except httpx.TransportError as error:
            return _refusal(
                503, "UNAVAILABLE", f"The registry that stands in for ECR does not answer: {error}"
            )
        if exchange.is_manifest_push and response.status_code == 201:
            digest = response.headers["Docker-Content-Digest"]
            await self._repositories.note_push(exchange.key, digest, self._clock.now())
        await send_on(response, _own_headers(response, url, exchange.registry), receive, send)
        return None

    async def _open(self, exchange: Exchange, url: str) -> Response | None:
        """Make the repository. A refusal where a tag of it may not be moved."""
        repository = await self._repositories.ensure(exchange.key, self._clock.now())
        reference = exchange.path.rest
        if not exchange.is_manifest_push or not repository.is_immutable or ":" in reference:
            return None
        known = await self._client.head(f"{url}{exchange.path.upstream(exchange.key)}", headers=ACCEPT)
        if not known.is_success:
            return None
        text = (
            f"The image tag '{reference}' already exists in the '{exchange.key.name}' repository and cannot be "
            "overwritten because the repository is immutable."
        )
        return _refusal(400, "TAG_INVALID", text)


def _own_headers(response: httpx.Response, url: str, registry: EcrRegistry) -> list[tuple[bytes, bytes]]:
    headers = []
    for name, value in passed_on(response.headers.raw):
        text = value.decode("latin-1")
        if name.lower() == b"location":
            text = own_location(text, url, registry)
        elif name.lower() == b"link":
            text = own_link(text, registry)
        headers.append((name, text.encode("latin-1")))
    return headers


def _token(method: str, registry: EcrRegistry) -> Response:
    if method != "GET":
        return _refusal(405, "UNSUPPORTED", "Tokens are asked for with GET.")
    password = make_password(registry)
    return JSONResponse({"token": password, "access_token": password, "expires_in": LIFETIME})


def _challenge(host: str) -> Response:
    if not _HOST.fullmatch(host):
        return _refusal(400, "UNSUPPORTED", "The Host header is not an address.")
    realm = f'Bearer realm="http://{host}{TOKEN}",service="{host}"'
    return _refusal(401, "UNAUTHORIZED", "Ask for a token.", {"WWW-Authenticate": realm})


def _refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """The request's body may not have been read, so only a new connection is in a known state."""
    body = {"errors": [{"code": code, "message": message}]}
    close = {"Connection": "close"} if status != 401 else {}
    return JSONResponse(body, status, headers={**VERSION, **close, **(headers or {})})


def is_for_registry(scope: Scope) -> bool:
    """Whether it is Docker's: below /v2/ (no bucket has so short a name), and not signed for any AWS service."""
    if scope["type"] != "http" or not (scope["path"] == "/v2" or scope["path"].startswith("/v2/")):
        return False
    return b"x-amz-credential" not in scope["query_string"].lower() and not read_headers(scope).get(
        "authorization", ""
    ).startswith("AWS4-")
