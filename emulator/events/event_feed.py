"""State changes to a webhook: in order for each job, at least once, and never in the way of a job.

The rows are the queue: nothing is in memory but the events under way. What a webhook does not take in the end is
dropped, and the log says so.
"""

import json
import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

import anyio
import httpx

from emulator.events.state_change import Event, state_change
from emulator.store.changes import Changes
from emulator.store.event_positions import EventPositionStore, UntoldJob

log = logging.getLogger(__name__)

RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between the attempts for one event."""
LOOK_PERIOD = 5.0
"""Seconds; backs up a signal that was lost."""
TIMEOUT = 10.0
"""Seconds for one attempt."""
AT_ONCE = 8
"""Jobs whose events are under way at a time."""
RETRIED = frozenset({408, 409, 425, 429})
"""Answers below 500 after which the same event may be taken later."""


class EventFeed:
    def __init__(
        self, url: str | None, positions: EventPositionStore, progressed: Changes, time_scale: float = 1.0
    ) -> None:
        """Without `url` nothing is told. `time_scale` shortens the waits between attempts."""
        self._url = url
        self._host = urlsplit(url).hostname if url else None
        self._positions = positions
        self._progressed = progressed
        self._time_scale = time_scale

    async def start(self) -> None:
        """Before the first job: what happened while the feed was off is not told later."""
        await (self._positions.turn_off() if self._url is None else self._positions.turn_on())

    async def run(self) -> None:
        """Until cancelled."""
        if self._url is None:
            return
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
            while True:
                try:
                    while untold := await self._positions.untold(AT_ONCE):
                        await self._tell_all(client, untold)
                except Exception:
                    log.exception("Events wait.")
                await self._progressed.wait(LOOK_PERIOD)

    async def _tell_all(self, client: httpx.AsyncClient, jobs: Sequence[UntoldJob]) -> None:
        async with anyio.create_task_group() as tasks:
            for job in jobs:
                tasks.start_soon(self._tell, client, job)

    async def _tell(self, client: httpx.AsyncClient, untold: UntoldJob) -> None:
        job = untold.job
        for index, transition in enumerate(job.progress.transitions[untold.told :], start=untold.told):
            try:
                fault = await self._post(client, state_change(job, untold.tags, index))
            except Exception as error:  # one event that cannot be made must not keep the others back
                log.exception("Training job %s: no event could be made.", job.key.name)
                fault = type(error).__name__
            if fault is not None:
                told = (job.key.name, transition.status, self._host, fault)
                log.warning("The event that %s is %s was dropped: %s: %s.", *told)
            await self._positions.save(job, index + 1)

    async def _post(self, client: httpx.AsyncClient, event: Event) -> str | None:
        """None, or why nobody took the event."""
        fault = None
        for delay in (0.0, *RETRY_DELAYS):
            await anyio.sleep(delay * self._time_scale)
            status = None
            try:
                status = await self._attempt(client, event)
                fault = f"it answered {status}"
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                fault = type(error).__name__
            if status is not None and 200 <= status < 300:
                return None
            if status is not None and status < 500 and status not in RETRIED:
                return fault
        return fault

    async def _attempt(self, client: httpx.AsyncClient, event: Event) -> int:
        """The answer's status; its body is not read. Raises HTTPError, after TIMEOUT at the latest."""
        assert self._url is not None
        headers = {"content-type": "application/json"}
        content = json.dumps(event).encode()
        with anyio.move_on_after(TIMEOUT):
            async with client.stream("POST", self._url, content=content, headers=headers) as response:
                return response.status_code
        raise httpx.TimeoutException("the webhook took too long")
