"""Uvicorn's HTTP for all requests, and a shorter way through it for plain invocations."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from emulator.hosting.invocation_head import LARGEST_CACHED, is_member
from emulator.hosting.plain_invocation import (
    LARGEST_BODY,
    PlainAnswer,
    PlainInvocation,
    PlainInvocations,
    RequestHead,
)
from emulator.hosting.runtime import BEGUN

Admits = Callable[[str, str | None], bool]
"""Whether a request with these headers Host and Origin is answered at all."""

UNUSUAL = frozenset({b"expect", b"sec-fetch-site", b"transfer-encoding", b"upgrade"})
"""Headers of requests that Uvicorn or the gate has to see."""


class _PlainCycle:
    """What Uvicorn sees in the place of its own cycle of request and answer."""

    message_event = asyncio.Event()
    """Set when the connection is lost; nobody waits for it."""

    def __init__(self) -> None:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True


class InvocationProtocol(HttpToolsProtocol):
    """Holds a request back that may be a plain invocation, until all of it is there. If it is declined, Uvicorn's own
    methods hear of it then as if it had come in this moment.
    """

    def __init__(self, *args: Any, plain: PlainInvocations, admits: Admits, **options: Any) -> None:
        super().__init__(*args, **options)
        self._plain = plain
        self._admits = admits
        self._head: RequestHead | None = None
        """Of the request that is held back."""
        self._body: list[bytes] = []
        self._under_way: PlainInvocation | None = None

    def on_headers_complete(self) -> None:
        self._head = self._read_head() if self._is_candidate() else None
        self._body = []
        if self._head is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._head is None:
            super().on_body(body)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._head is not None:
            body = b"".join(self._body)
            if self._begin(self._head, body):
                return
            super().on_headers_complete()
            super().on_body(body)
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._under_way is not None:
            self._under_way.abandon()
            self._under_way = None
        super().connection_lost(exc)

    def _is_candidate(self) -> bool:
        is_free = self.cycle is None or self.cycle.response_complete
        is_invocation = self.url.startswith(b"/endpoints/") and self.parser.get_method() == b"POST"
        is_usual = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        return is_free and is_invocation and is_usual

    def _read_head(self) -> RequestHead | None:
        """None where the length of the body is not known or not small, or where the caller may not enter."""
        members: list[tuple[bytes, bytes]] = []
        found: dict[bytes, bytes] = {}
        for pair in self.headers:
            if is_member(pair[0]):
                members.append(pair)
            elif pair[0] in UNUSUAL or pair[0] in found:
                return None
            else:
                found[pair[0]] = pair[1]
        length = found.get(b"content-length", b"")
        host, origin = found.get(b"host", b"").decode("latin-1"), found.get(b"origin")
        is_small = length.isdigit() and len(length) < 10 and int(length) <= LARGEST_BODY
        if not is_small or not self._admits(host, None if origin is None else origin.decode("latin-1")):
            return None
        credential = found.get(b"authorization", b"").partition(b",")[0]
        head = RequestHead(self.url, credential, tuple(members))
        return head if head.size <= LARGEST_CACHED else None

    def _begin(self, head: RequestHead, body: bytes) -> bool:
        cycle = _PlainCycle()
        self._under_way = self._plain.begin(head, body, partial(self._answer, cycle, self.scope))
        if self._under_way is None:
            return False
        self.cycle = cast(RequestResponseCycle, cycle)
        return True

    def _answer(self, cycle: _PlainCycle, scope: Any, invocation: PlainInvocation) -> None:
        self._under_way = None
        answer = invocation.take_answer()
        if answer is None:
            self._conclude(cycle, scope, invocation)
            return
        self.transport.write(self._bytes_of(answer, cycle.keep_alive))
        cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _bytes_of(self, answer: PlainAnswer, keep_alive: bool) -> bytes:
        lines = [STATUS_LINE[200]]
        for name, value in (*self.server_state.default_headers, *answer.headers):
            lines += (name, b": ", value, b"\r\n")
        lines += (b"\r\n" if keep_alive else b"connection: close\r\n\r\n", answer.content)
        return b"".join(lines)

    def _conclude(self, plain: _PlainCycle, scope: Any, invocation: PlainInvocation) -> None:
        """By the application, in a task of Uvicorn's."""
        target = invocation.target.decode("latin-1")
        scope |= {
            "method": "POST",
            "path": unquote(target),
            "raw_path": invocation.target,
            "query_string": b"",
        }
        scope[BEGUN] = invocation
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=plain.keep_alive,
            on_response=self.on_response_complete,
        )
        plain.response_complete = True
        if self.cycle is cast(RequestResponseCycle, plain):
            self.cycle = cycle
        task = self.loop.create_task(cycle.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
