"""Feeds and their readers, on real FIFOs."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator.domain.failure_reason import JobFailure, data_download_failed
from emulator.training.epoch_fifo import BEGUN
from emulator.training.pipe_feed import READ_AHEAD, PipeFeed
from emulator.training.read_ahead import Chunks

PATIENCE = 60.0
CHUNK = 50_000


def until(what: str, is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.002)


class Data:
    """What the feed sends: so many chunks an epoch, each of the epoch's own byte."""

    def __init__(self, chunks: int = 20) -> None:
        self.chunks = chunks
        self.given = 0
        self.open = 0
        self.fault: tuple[int, Exception] | None = None
        """After how many chunks of an epoch, and what."""
        self.slow = threading.Event()
        self.slow.set()

    def epoch(self, epoch: int) -> Chunks:
        self.open += 1
        try:
            for number in range(self.chunks):
                if self.fault and number == self.fault[0]:
                    raise self.fault[1]
                while not self.slow.wait(0.005):
                    yield b""
                self.given += CHUNK
                yield bytes([epoch]) * CHUNK
        finally:
            self.open -= 1

    def whole(self, epoch: int) -> bytes:
        return bytes([epoch]) * CHUNK * self.chunks


class Bench:
    """Feeds in one directory, and threads that read from them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.faults: list[JobFailure] = []
        self.readers = ThreadPoolExecutor(8)
        self._feeds: list[PipeFeed] = []

    def feed(self, data: Data, channel: str = "train") -> PipeFeed:
        feed = PipeFeed(self.directory, channel, data.epoch, self.faults.append)
        feed.start()
        self._feeds.append(feed)
        return feed

    def fifo(self, epoch: int, channel: str = "train") -> Path:
        return self.directory / f"{channel}_{epoch}"

    def names(self) -> list[str]:
        return sorted(os.listdir(self.directory))

    def wait_and_read(self, epoch: int, size: int = -1) -> bytes:
        """As algorithms do: wait for the FIFO, open it, read."""
        until(f"FIFO {epoch}", self.fifo(epoch).exists)
        with self.fifo(epoch).open("rb", buffering=0) as fifo:
            return fifo.read(size) if size >= 0 else b"".join(iter(lambda: fifo.read(65_536), b""))

    def read_in_thread(self, epoch: int, size: int = -1) -> "Future[bytes]":
        return self.readers.submit(self.wait_and_read, epoch, size)

    def end(self) -> None:
        for feed in self._feeds:
            feed.close()
        self.readers.shutdown()
        until("all threads end", lambda: not [t for t in threading.enumerate() if t.name.startswith("pipe ")])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.end()


def test_the_first_fifo_is_there_before_the_feed_starts(tmp_path: Path) -> None:
    feed = PipeFeed(tmp_path, "train", Data().epoch, pytest.fail)
    assert os.listdir(tmp_path) == ["train_0"]
    feed.close()
    feed.close()


def test_every_epoch_is_the_whole_data_again(bench: Bench) -> None:
    data = Data()
    feed = bench.feed(data)
    for epoch in range(3):
        assert bench.wait_and_read(epoch) == data.whole(epoch)
        assert bench.names() == [f"train_{epoch + 1}"]
    assert (feed.epochs_begun, feed.bytes_sent) == (3, 3 * len(data.whole(0)))
    assert bench.faults == []


def test_the_next_fifo_is_there_at_the_end_of_this_one(bench: Bench) -> None:
    bench.feed(Data(chunks=1))
    for epoch in range(100):
        with bench.fifo(epoch).open("rb", buffering=0) as fifo:
            assert len(b"".join(iter(lambda fifo=fifo: fifo.read(65_536), b""))) == CHUNK
            assert bench.names() == [f"train_{epoch + 1}"]


def test_a_reader_that_closes_early_gets_a_new_epoch(bench: Bench) -> None:
    data = Data(chunks=200)
    bench.feed(data)
    for epoch in range(3):
        assert bench.wait_and_read(epoch, 10) == bytes([epoch]) * 10
    assert bench.wait_and_read(3) == data.whole(3)
    assert bench.faults == []
    until("readers are closed", lambda: data.open == 0)


def test_an_early_end_is_noticed_while_s3_is_slow(bench: Bench) -> None:
    data = Data()
    feed = bench.feed(data)
    data.slow.clear()
    os.close(os.open(bench.fifo(0), os.O_RDONLY))
    until("the next FIFO", bench.fifo(1).exists)
    assert feed.bytes_sent == 0
    data.slow.set()
    assert bench.wait_and_read(1) == data.whole(1)


def test_a_process_that_dies_ends_its_epoch_only(bench: Bench) -> None:
    data = Data(chunks=200)
    bench.feed(data)
    process = os.posix_spawn("/bin/sh", ["sh", "-c", f"exec 3< '{bench.fifo(0)}'; exec sleep 60"], os.environ)
    until("the feed is stuck", lambda: data.given > READ_AHEAD)
    os.kill(process, 9)
    os.waitpid(process, 0)
    assert bench.wait_and_read(1) == data.whole(1)


def test_a_channel_without_a_reader_holds_nobody_up_and_reads_nothing(bench: Bench) -> None:
    unread, read = Data(), Data()
    silent = bench.feed(unread, "validation")
    bench.feed(read)
    assert bench.wait_and_read(0) == read.whole(0)
    assert (unread.given, unread.open, silent.epochs_begun) == (0, 0, 0)
    silent.close()
    assert bench.names() == ["train_1", "validation_0"]


@pytest.mark.parametrize("data", [Data(chunks=0), Data(chunks=1)])
def test_an_epoch_of_little_or_nothing_needs_a_reader_too(bench: Bench, data: Data) -> None:
    feed = bench.feed(data)
    for epoch in range(5):
        assert bench.wait_and_read(epoch) == data.whole(epoch)
    assert feed.epochs_begun == 5
    assert bench.names() == ["train_5"]


def test_a_late_opener_of_an_old_epoch_finds_nothing_to_wait_at(bench: Bench) -> None:
    bench.feed(Data())
    bench.wait_and_read(0)
    with pytest.raises(FileNotFoundError):
        bench.fifo(0).open("rb")


def test_no_more_is_read_ahead_than_the_bound(bench: Bench) -> None:
    data = Data(chunks=500)
    feed = bench.feed(data)
    reader = os.open(bench.fifo(0), os.O_RDONLY)
    until("the read-ahead is full", lambda: data.given - feed.bytes_sent >= READ_AHEAD - CHUNK)
    for _ in range(50):
        # One chunk is under way on each side of those that wait.
        assert data.given - feed.bytes_sent <= READ_AHEAD + 3 * CHUNK
        assert os.read(reader, 65_536)
    os.close(reader)


def test_a_fault_is_told_once_and_never_looks_like_the_end(bench: Bench) -> None:
    data = Data()
    data.fault = (5, data_download_failed("gone"))
    feed = bench.feed(data)
    reader = os.open(bench.fifo(0), os.O_RDONLY)
    got = bytearray()
    while len(got) < 5 * CHUNK:
        got += os.read(reader, 65_536)
    until("the fault", lambda: bench.faults)
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    assert bytes(got) == bytes(5 * CHUNK)
    feed.close()
    os.close(reader)
    assert [fault.reason for fault in bench.faults] == ["ClientError: Data download failed:gone"]


def test_a_fault_behind_an_early_end_is_nobodys(bench: Bench) -> None:
    data = Data(chunks=200)
    bench.feed(data)
    data.fault = (150, data_download_failed("gone"))
    assert bench.wait_and_read(0, 100) == bytes(100)
    until("the next FIFO", bench.fifo(1).exists)
    assert bench.faults == []


def test_a_fault_of_the_emulator_is_told_as_such(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    data = Data()
    data.fault = (0, BrokenPipeError("not the reader's"))
    bench.feed(data)
    reader = os.open(bench.fifo(0), os.O_RDONLY)
    until("the fault", lambda: bench.faults)
    os.close(reader)
    assert bench.faults[0].reason.startswith("InternalServerError: ")
    assert "channel train: BrokenPipeError" in bench.faults[0].reason
    assert "not the reader's" in caplog.text


def test_close_ends_a_feed_that_waits_for_a_stuck_reader(bench: Bench) -> None:
    data = Data(chunks=500)
    feed = bench.feed(data)
    reader = os.open(bench.fifo(0), os.O_RDONLY)
    until("the read-ahead is full", lambda: data.given >= READ_AHEAD)
    feed.close()
    until("the generator is closed", lambda: data.open == 0)
    assert bench.names() == ["train_0"]
    os.close(reader)


def test_close_ends_a_feed_that_waits_for_s3(bench: Bench) -> None:
    data = Data()
    data.slow.clear()
    feed = bench.feed(data)
    reading = bench.read_in_thread(0)
    until("the epoch begins", lambda: data.open == 1)
    feed.close()
    assert reading.result(PATIENCE) == b""
    until("the generator is closed", lambda: data.open == 0)


def test_a_feed_goes_on_between_two_epochs_where_another_ended(bench: Bench) -> None:
    data = Data()
    first = bench.feed(data)
    bench.wait_and_read(0)
    first.close()
    reading = bench.read_in_thread(1)
    second = bench.feed(data)
    assert reading.result(PATIENCE) == data.whole(1)
    assert not second.was_interrupted


def test_a_feed_that_finds_an_epoch_cut_off_says_so(bench: Bench) -> None:
    data = Data(chunks=500)
    first = bench.feed(data)
    with bench.fifo(0).open("rb", buffering=0) as fifo:
        fifo.read(10)
        first.close()
    assert bench.fifo(0).stat().st_mode & 0o777 == BEGUN
    second = bench.feed(data)
    assert second.was_interrupted
    until("the fault", lambda: bench.faults)
    assert "epoch 0 of channel train" in bench.faults[0].reason


def test_channels_are_read_in_any_order_at_once(bench: Bench) -> None:
    data = {name: Data(chunks=100) for name in ("a", "b", "a_1")}
    for name, one in data.items():
        bench.feed(one, name)
    with bench.fifo(0, "a").open("rb", buffering=0) as first, bench.fifo(0, "a_1").open("rb") as third:
        assert first.read(10) == bytes(10)
        with bench.fifo(0, "b").open("rb") as second:
            assert second.read() == data["b"].whole(0)
        assert third.read() == data["a_1"].whole(0)
        assert 10 + len(b"".join(iter(lambda: first.read(65_536), b""))) == 100 * CHUNK
