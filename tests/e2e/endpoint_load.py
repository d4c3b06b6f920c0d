"""Callers that ask an endpoint again and again while something happens to it."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.hosting_client import HostingClient
from tests.e2e.training_client import until

THREADS = 16
PAUSE = 0.01
"""Seconds between two requests of one thread: the machine is for the others, too."""


class Asked(NamedTuple):
    began: float
    """On time.monotonic."""
    variant: str
    body: bytes
    error: str = ""
    """Code and message; empty for an answer."""


class Load:
    def __init__(self, client: HostingClient, name: str, wish: Mapping[str, Any]) -> None:
        self._client = client
        self._request = {"EndpointName": name, "Body": b"x", "CustomAttributes": json.dumps(wish)}
        self._stop = threading.Event()
        self.asked: list[Asked] = []
        self.targets: list[str] = []
        """TargetModels, asked in turn."""

    def run(self) -> None:
        while not self._stop.wait(PAUSE):
            self.asked.append(self._ask())

    def _ask(self) -> Asked:
        began = time.monotonic()
        target = {"TargetModel": self.targets[len(self.asked) % len(self.targets)]} if self.targets else {}
        try:
            answer = self._client.runtime.invoke_endpoint(**self._request, **target)
            return Asked(began, answer["InvokedProductionVariant"], answer["Body"].read())
        except (ClientError, BotoCoreError) as error:
            return Asked(began, "", b"", str(error))

    def stop(self) -> None:
        self._stop.set()

    @property
    def errors(self) -> list[str]:
        return [each.error for each in self.asked if each.error]

    def bodies_since(self, moment: float) -> set[bytes]:
        """Of requests that began later."""
        return {each.body for each in self.asked if each.began > moment}

    def wait(self, more: int = 100) -> None:
        """Until so many more have ended."""
        wanted = len(self.asked) + more
        until(f"{wanted} requests", lambda: len(self.asked) >= wanted)


@contextmanager
def load(
    client: HostingClient, name: str, sleep: float = 0.02, targets: Sequence[str] = ()
) -> Iterator[Load]:
    """16 threads; each of their requests takes each container `sleep` seconds."""
    running = Load(client, name, {"sleep": sleep})
    running.targets.extend(targets)
    threads = [threading.Thread(target=running.run, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        running.wait(2 * THREADS)
        yield running
    finally:
        running.stop()
        for thread in threads:
            thread.join()
