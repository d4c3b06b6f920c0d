import threading
from collections.abc import Callable, Iterator

import pytest

from emulator.training.read_ahead import OVERHEAD, Chunks, ReadAhead

PATIENCE = 60.0


class Source:
    """Counts what was taken, and notes when its generator is closed."""

    def __init__(self, *chunks: bytes, fault: Exception | None = None) -> None:
        self.taken = 0
        self.at = threading.Semaphore(0)
        self.closed = threading.Event()
        self._chunks = chunks
        self._fault = fault

    def read(self) -> Chunks:
        try:
            for chunk in self._chunks:
                self.taken += 1
                self.at.release()
                yield chunk
            if self._fault:
                raise self._fault
        finally:
            self.closed.set()


@pytest.fixture
def start() -> Iterator[Callable[[Source, int], ReadAhead]]:
    begun: list[ReadAhead] = []

    def begin(source: Source, limit: int = 10_000) -> ReadAhead:
        begun.append(ReadAhead(source.read(), limit, "ahead"))
        return begun[-1]

    yield begin
    for ahead in begun:
        ahead.close()
        assert ahead.has_ended(PATIENCE)


def test_take_gives_all_chunks_and_then_the_end(start: Callable[..., ReadAhead]) -> None:
    ahead = start(Source(b"one", b"", b"two"))

    assert [ahead.take(PATIENCE) for _ in range(4)] == [b"one", b"two", None, None]


def test_a_fault_comes_behind_the_chunks_before_it(start: Callable[..., ReadAhead]) -> None:
    ahead = start(Source(b"one", fault=TimeoutError("S3 is slow")))

    assert ahead.take(PATIENCE) == b"one"
    for _ in range(2):
        with pytest.raises(TimeoutError, match="S3 is slow"):
            ahead.take(PATIENCE)


def test_take_is_empty_where_nothing_comes_in_time(start: Callable[..., ReadAhead]) -> None:
    go_on = threading.Event()

    def slow() -> Chunks:
        go_on.wait(PATIENCE)
        yield b"late"

    ahead = ReadAhead(slow(), 10, "ahead")
    assert ahead.take(0.001) == b""
    go_on.set()
    assert ahead.take(PATIENCE) == b"late"


@pytest.mark.parametrize(
    ("size", "limit", "most"), [(1000, 5000, 5), (1, 5 * (OVERHEAD + 1), 5), (9000, 10, 1)]
)
def test_no_more_is_read_than_the_limit(
    start: Callable[..., ReadAhead], size: int, limit: int, most: int
) -> None:
    source = Source(*(bytes(size) for _ in range(50)))
    ahead = start(source, limit)
    for _ in range(most + 1):
        assert source.at.acquire(timeout=PATIENCE)
    for taken in range(10):
        assert source.taken == taken + most + 1
        assert ahead.take(PATIENCE) == bytes(size)
        assert source.at.acquire(timeout=PATIENCE)


def test_close_closes_the_generator_wherever_its_thread_waits(start: Callable[..., ReadAhead]) -> None:
    full, at_its_end = Source(*(bytes(1000) for _ in range(50))), Source()
    for source in (full, at_its_end):
        ahead = start(source, 2000)
        ahead.close()
        assert source.closed.wait(PATIENCE)
        assert ahead.has_ended(PATIENCE)
    assert full.taken <= 4
