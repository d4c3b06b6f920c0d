"""The server's edge: who may come in, and which part a request is for."""

from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.hosting.runtime import Runtime
from emulator.registry.pass_through import is_for_registry
from emulator.virtual_host import bucket_of_host, is_listed, is_local_name, is_own_page
from emulator.wire.gateway import Gateway, is_for_gateway, is_for_others, refuse_unknown_service


@dataclass(frozen=True)
class Gate:
    """Keeps web pages of other machines out.

    Browsers tell the name that a page used (Host) and the page that asks (Origin); AWS clients send no Origin.
    """

    is_private: bool = True
    """Whether only this machine is meant to reach the server; else Host may be a name without a dot, too, such as a
    container's. No page can have such a name, but any other can be made to point at the server.
    """
    allowed_hosts: tuple[str, ...] = ()
    """Further names, in lower case; one with a leading dot stands for all names that end so."""

    def admits(self, host: str, origin: str | None) -> bool:
        return self._is_known(host) and (origin is None or is_own_page(origin, host, self.allowed_hosts))

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
        if scope["type"] == "http" and not self.gate.admits(host_of(scope), header_of(scope, b"origin")):
            text = "The emulator is not for web pages elsewhere: Host and Origin must be its address, localhost or "
            text += "one of ALLOWED_HOSTS, see docs/settings.md."
            answer = JSONResponse({"__type": "AccessDeniedException", "message": text}, 403)
        await answer(scope, receive, send)


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
