"""Pipe mode: one channel of one host, epoch after epoch through FIFOs, for as long as the container runs.

A reader that reaches the end, closes early or dies ends its epoch, and the next FIFO is there before it can
notice. A reader that never comes costs a look now and then. Only bytes that somebody reads are fetched from S3,
at most READ_AHEAD before he does.
"""

import logging
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

from emulator.domain.failure_reason import JobFailure, internal_error
from emulator.training.epoch_fifo import EpochFifos
from emulator.training.read_ahead import Chunks, ReadAhead

READ_AHEAD = 2 * 2**20
"""Bytes that wait for the reader."""

TICK = 0.02
"""Seconds until a closed feed, or a reader that has gone while S3 is slow, is noticed."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.001, 0.05
"""Seconds between two looks for a reader."""

log = logging.getLogger(__name__)


class PipeFeed:
    def __init__(
        self,
        directory: Path,
        channel: str,
        epoch_chunks: Callable[[int], Chunks],
        on_fault: Callable[[JobFailure], None],
    ) -> None:
        """Make the first FIFO in an existing directory, or take up what another feed left there. Raises OSError.

        `on_fault` is called from the feed's thread, at most once. A FIFO cannot tell of a fault, so the reader
        then waits, with neither bytes nor an end, until `close`: the container has to be ended.
        """
        self._fifos = EpochFifos(directory, channel)
        self._channel = channel
        self._epoch_chunks = epoch_chunks
        self._on_fault = on_fault
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pipe {channel}", daemon=True)
        self._end: int | None = None
        self._ahead: ReadAhead | None = None
        self.was_interrupted = self._fifos.is_begun
        """An earlier feed ended in the middle of an epoch, whose reader took that for the end of the data: a fault."""
        self.epochs_begun = 0
        self.bytes_sent = 0

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End within moments, started or not, whatever the readers do. Not for the event loop. May be called twice.

        A call to S3 that is under way is left to its own thread, which drops the answer.
        """
        self._closing.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._feed()
        except Exception as error:
            self._on_fault(self._failure(error))
            self._closing.wait()
        finally:
            self._hang_up()

    def _feed(self) -> None:
        """Epoch after epoch until `close`. Raises JobFailure, or what the emulator itself met."""
        if self.was_interrupted:
            raise internal_error(
                f"the emulator ended while epoch {self._fifos.epoch} of channel {self._channel} was being read"
            )
        while self._meet_reader() and self._can_read() and self._send_epoch():
            self._fifos.advance()
            self._hang_up()

    def _meet_reader(self) -> bool:
        """Wait until somebody opens the FIFO. False where the feed is closed before."""
        pause = SHORTEST_PAUSE
        while not self._closing.is_set():
            self._end = self._fifos.open()
            if self._end is not None:
                self.epochs_begun += 1
                return True
            self._closing.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return False

    def _send_epoch(self) -> bool:
        """Send until the end of the data or of the reader. False where the feed is closed before."""
        chunks = self._epoch_chunks(self._fifos.epoch)
        self._ahead = ahead = ReadAhead(chunks, READ_AHEAD, f"{self._thread.name} ahead")
        try:
            while not self._closing.is_set():
                chunk = ahead.take(TICK)
                if chunk is None or not self._send(chunk):
                    return True
            return False
        finally:
            ahead.close()

    def _can_read(self) -> bool:
        """Wait until nothing reads for an earlier epoch any more. False where the feed is closed before."""
        while self._ahead is not None and not self._ahead.has_ended(TICK):
            if self._closing.is_set():
                return False
        return True

    def _send(self, chunk: bytes) -> bool:
        """Send a chunk, which may be empty, or what of it is sent by `close`. False where the reader has gone."""
        assert self._end is not None
        poll = select.poll()
        poll.register(self._end, select.POLLOUT if chunk else 0)
        rest = memoryview(chunk)
        while True:
            events = poll.poll(TICK * 1000 if rest else 0)
            if any(event & select.POLLERR for _, event in events):
                return False
            if not rest or self._closing.is_set():
                return True
            try:
                sent = os.write(self._end, rest) if events else 0
            except BrokenPipeError:
                return False
            except BlockingIOError:
                continue
            self.bytes_sent += sent
            rest = rest[sent:]

    def _hang_up(self) -> None:
        if self._end is not None:
            end, self._end = self._end, None
            os.close(end)

    def _failure(self, error: Exception) -> JobFailure:
        if isinstance(error, JobFailure):
            return error
        log.error("The feed of channel %s met a fault of the emulator.", self._channel, exc_info=error)
        return internal_error(f"channel {self._channel}: {type(error).__name__}; see the emulator's log")
