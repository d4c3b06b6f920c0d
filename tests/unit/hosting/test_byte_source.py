import random
from itertools import pairwise

from emulator.hosting.byte_source import ByteSource


def test_take_and_take_line_give_every_byte_once_however_it_comes() -> None:
    random_ = random.Random(11)
    for _ in range(200):
        data = bytes(random_.choices(b"ab\n", k=random_.randrange(60)))
        cuts = [0, *sorted(random_.choices(range(len(data) + 1), k=5)), len(data)]
        source = ByteSource(data[begin:end] for begin, end in pairwise(cuts))
        taken = b""
        while not source.is_over():
            size = random_.randrange(1, 7)
            if random_.random() < 0.5:
                piece = source.take(size)
                assert len(piece) == min(size, len(data) - len(taken))
            else:
                piece = source.take_line(size)
                line = data[len(taken) :].split(b"\n")[0] + b"\n"
                assert piece == (line if len(taken) + len(line) <= len(data) else line[:-1])[:size]
            taken += piece
            assert source.position == len(taken)
        assert taken == data


def test_no_more_is_asked_for_than_is_needed() -> None:
    asked = 0

    def chunks():
        nonlocal asked
        for chunk in (b"abc", b"", b"d\n", b"e"):
            asked += 1
            yield chunk

    source = ByteSource(chunks())
    assert (source.take(3), asked) == (b"abc", 1)
    assert (source.take_line(100), asked) == (b"d\n", 3)
    assert (source.take(0), source.take(9), source.take(9), source.is_over()) == (b"", b"e", b"", True)
