import random
import threading

import pytest

from emulator.domain.s3_object import S3Object
from emulator.fast_file.block_cache import RUN_BLOCKS, BlockCache
from emulator.fast_file.faults import FastFileError

DATA = random.Random(1).randbytes(1000)
SOURCE = S3Object("b", "k", len(DATA), "e")


class Store:
    """Objects that all begin like DATA; knows which parts of them were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def read(self, source: S3Object, offset: int, length: int) -> bytes:
        self.asked.append((offset, length))
        return DATA[offset : offset + length]


def cache(store: Store, capacity: int = 8) -> BlockCache:
    return BlockCache(store.read, block_bytes=10, capacity=capacity)


def test_block_cache_fetches_one_block_for_a_jump_and_a_run_for_what_goes_on() -> None:
    store = Store()
    blocks = cache(store)
    assert blocks.read(SOURCE, 503, 4) == DATA[503:507]
    assert store.asked == [(500, 10)]
    assert blocks.read(SOURCE, 507, 10) == DATA[507:517]
    assert store.asked == [(500, 10), (510, 10 * RUN_BLOCKS)]
    assert blocks.read(SOURCE, 520, 20) == DATA[520:540]
    assert len(store.asked) == 2
    assert blocks.bytes_fetched == 10 + 10 * RUN_BLOCKS


def test_block_cache_read_through_fetches_every_byte_once() -> None:
    store = Store()
    blocks = cache(store)
    assert b"".join(blocks.read(SOURCE, at, 3) for at in range(0, len(DATA), 3)) == DATA
    assert blocks.bytes_fetched == len(DATA)
    assert len(store.asked) <= 2 + len(DATA) // (10 * RUN_BLOCKS)


@pytest.mark.parametrize(("offset", "size"), [(990, 100), (999, 1), (1000, 5), (2000, 5), (0, 2000), (7, 0)])
def test_block_cache_ends_where_the_object_ends(offset: int, size: int) -> None:
    assert cache(Store()).read(SOURCE, offset, size) == DATA[offset : offset + size]


def test_block_cache_reads_nothing_of_an_empty_object() -> None:
    store = Store()
    assert cache(store).read(SOURCE._replace(size=0), 0, 100) == b""
    assert store.asked == []


def test_block_cache_random_reads_are_right_with_little_room() -> None:
    choose = random.Random(2)
    blocks = cache(Store(), capacity=3)
    for _ in range(2_000):
        offset, size = choose.randrange(1100), choose.randrange(60)
        assert blocks.read(SOURCE, offset, size) == DATA[offset : offset + size]


def test_block_cache_keeps_what_was_fetched_last() -> None:
    store = Store()
    blocks = cache(store, capacity=2)
    for at in (100, 300, 500, 300, 100):
        blocks.read(SOURCE, at, 1)
    assert [offset for offset, _ in store.asked] == [100, 300, 500, 100]


def test_block_cache_tells_objects_apart() -> None:
    blocks = BlockCache(lambda source, _offset, length: source.key.encode() * length, block_bytes=10)
    one, other = SOURCE._replace(key="1"), SOURCE._replace(key="2")
    assert (blocks.read(one, 0, 3), blocks.read(other, 0, 3)) == (b"111", b"222")


def test_block_cache_fetches_once_what_several_threads_ask_for() -> None:
    store, may_answer = Store(), threading.Event()
    got: list[bytes] = []

    def read(source: S3Object, offset: int, length: int) -> bytes:
        data = store.read(source, offset, length)
        assert may_answer.wait(30)
        return data

    blocks = BlockCache(read, block_bytes=10)
    threads = [threading.Thread(target=lambda: got.append(blocks.read(SOURCE, 0, 5))) for _ in range(4)]
    for thread in threads:
        thread.start()
    may_answer.set()
    for thread in threads:
        thread.join()
    assert got == [DATA[:5]] * 4
    assert store.asked == [(0, 10)]


def test_block_cache_tries_again_after_a_fault() -> None:
    store, faults = Store(), [OSError("S3 is away")]

    def read(source: S3Object, offset: int, length: int) -> bytes:
        if faults:
            raise faults.pop()
        return store.read(source, offset, length)

    blocks = BlockCache(read, block_bytes=10)
    with pytest.raises(OSError, match="S3 is away"):
        blocks.read(SOURCE, 0, 5)
    assert blocks.bytes_fetched == 0
    assert blocks.read(SOURCE, 0, 5) == DATA[:5]


def test_block_cache_refuses_an_answer_of_another_length() -> None:
    blocks = BlockCache(lambda _source, _offset, length: b"x" * (length - 1), block_bytes=10)
    with pytest.raises(FastFileError, match="S3 sent 9 bytes where 10 were asked for"):
        blocks.read(SOURCE, 0, 5)
