"""The server's edge: who may come in, and which part a request is for."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.domain.errors import ServiceError
from emulator.hosting.runtime import Runtime
from emulator.registry.pass_through import is_for_registry
from emulator.virtual_host import bucket_of_host, is_listed, is_local_name, is_own_page
from emulator.wire.gateway import Gateway, is_for_gateway, is_for_others, refuse_unknown_service
from emulator.wire.identity import read_credential

ELSEWHERE = frozenset({"cross-site", "same-site"})
"""Values of Sec-Fetch-Site for pages that another server has sent, be it one of the same machine."""


@dataclass(frozen=True)
class Gate:
    """Keeps web pages of other machines out.

    Browsers tell the name that a page used (Host), the page that asks (Origin), and with the requests of images, links
    and forms, which have no Origin, at least whether the page is elsewhere (Sec-Fetch-Site). AWS clients send neither.
    """

    is_private: bool = True
    """Whether only this machine is meant to reach the server; else Host may be a name without a dot, too, such as a
    container's. No page can have such a name, but any other can be made to point at the server.
    """
    allowed_hosts: tuple[str, ...] = ()
    """Further names, in lower case; one with a leading dot stands for all names that end so."""

    def admits(self, host: str, origin: str | None, site: str | None = None) -> bool:
        """`site` is Sec-Fetch-Site; it says nothing where Origin does."""
        if not self._is_known(host):
            return False
        return site not in ELSEWHERE if origin is None else is_own_page(origin, host, self.allowed_hosts)

    def _is_known(self, host: str) -> bool:
        if is_local_name(host) or is_listed(host, self.allowed_hosts):
            return True
        return not self.is_private and "." not in host


@dataclass(frozen=True)
class Gated:
    app: ASGIApp
    gate: Gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self.app
        if scope["type"] == "http" and not self._admits(scope):
            text = "The emulator is not for web pages elsewhere: Host and Origin must be its address, localhost or one "
            text += "of ALLOWED_HOSTS, see docs/settings.md, and a request without Origin not be one of another page."
            answer = JSONResponse({"__type": "AccessDeniedException", "message": text}, 403)
        await answer(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        site = header_of(scope, b"sec-fetch-site")
        if site in ELSEWHERE and is_followed_link(scope):
            site = None
        return self.gate.admits(host_of(scope), header_of(scope, b"origin"), site)


def is_followed_link(scope: Scope) -> bool:
    """Whether a user has followed a presigned link to an object of S3, on whatever page it was."""
    is_page = (
        header_of(scope, b"sec-fetch-mode") == "navigate"
        and header_of(scope, b"sec-fetch-dest") == "document"
    )
    query = QueryParams(scope["query_string"].decode("latin-1"))
    if scope["method"] != "GET" or not is_page or not ("X-Amz-Signature" in query or "Signature" in query):
        return False
    try:
        credential = read_credential({}, query)
    except ServiceError:
        return False
    return credential is None or credential.service == "s3"


@dataclass(frozen=True)
class InvocationsFirst:
    """Invocations pass by everything that others need, because their time counts."""

    app: ASGIApp
    runtime: Runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.runtime if self.runtime.takes(scope) else self.app)(scope, receive, send)


@dataclass(frozen=True)
class Edge:
    """Everything but /_emulator: by its form a request is for an operation or Docker's, else it is for S3."""

    gateway: Gateway
    s3: ASGIApp
    ecr: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_for_registry(scope) and not bucket_of_host(host_of(scope)):
            await self.ecr(scope, receive, send)
            return
        if is_for_gateway(scope, self.gateway.models) or is_for_others(scope, self.gateway.models):
            await self.gateway(scope, receive, send)
            return
        answer: ASGIApp = refuse_unknown_service(scope, self.gateway.models) or self.s3
        await answer(scope, receive, send)


def host_of(scope: Scope) -> str:
    return header_of(scope, b"host") or ""


def header_of(scope: Scope, wanted: bytes) -> str | None:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return None
