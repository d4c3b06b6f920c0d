import random

import pytest

from emulator.hosting.transform_assemble import InOrder, assembled


@pytest.mark.parametrize(
    ("output", "line"),
    [(b"a", b"a\n"), (b"a\n", b"a\n"), (b"a\nb", b"a\nb\n"), (b"", b"\n"), (b"a\r\n", b"a\r\n")],
)
def test_line_ends_every_output_with_one_newline(output: bytes, line: bytes) -> None:
    assert assembled(output, "Line") == line
    assert assembled(output, "None") == output


def test_outputs_are_written_in_order_whenever_they_come() -> None:
    positions = list(range(50))
    random.Random(1).shuffle(positions)
    order = InOrder("Line")
    written: list[bytes] = []
    for position in positions:
        written += order.add(position, str(position).encode())
        assert order.waiting + len(written) == positions.index(position) + 1

    assert b"".join(written) == "".join(f"{n}\n" for n in range(50)).encode()
    assert order.waiting == 0


def test_an_answer_that_comes_twice_is_a_mistake() -> None:
    order = InOrder()
    assert order.add(1, b"b") == []
    assert order.add(0, b"a") == [b"a", b"b"]
    for position in (0, 1):
        with pytest.raises(ValueError, match=f"The answer to request {position} came before"):
            order.add(position, b"x")
