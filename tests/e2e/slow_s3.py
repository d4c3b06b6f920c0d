"""An S3 that keeps jobs in Downloading and Uploading for as long as a test likes."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal

from emulator.clock import SystemClock
from emulator.embedded_s3.server import EmbeddedS3
from tests.support.asgi_server import serving

CHUNK = 2**20
CHUNK_SECONDS = 0.2


@dataclass
class SlowS3:
    """Objects with `slow` in their key come 5 MiB a second until `release`; `held` ones are not taken before it."""

    s3: EmbeddedS3
    url: str = ""
    portal: BlockingPortal | None = None
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        assert self.portal is not None
        self.portal.call(self._released.set)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] in ("PUT", "POST") and "held" in scope["path"]:
            await self._released.wait()

        async def send_slowly(message: Any) -> None:
            body = message.get("body", b"")
            for start in range(0, len(body), CHUNK):
                last = start + CHUNK >= len(body)
                more = message.get("more_body", False) or not last
                await send({**message, "body": body[start : start + CHUNK], "more_body": more})
                if not self._released.is_set():
                    await asyncio.sleep(CHUNK_SECONDS)
            if not body:
                await send(message)

        is_slow = scope["method"] == "GET" and "slow" in scope["path"]
        await self.s3(scope, receive, send_slowly if is_slow else send)


@contextmanager
def running_slow_s3(directory: Path) -> Iterator[SlowS3]:
    slow = SlowS3(EmbeddedS3(directory, SystemClock(), "us-east-1", "123456789012"))
    with serving(slow) as server:
        slow.url, slow.portal = server.url, server.portal
        server.portal.call(slow.s3.start)
        yield slow
        slow.release()
    slow.s3.close()
