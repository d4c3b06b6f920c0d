from time import thread_time

import pytest

from emulator.logs.escapes import escape_control_characters


@pytest.mark.parametrize(
    ("line", "escaped"),
    [
        ("[0]\ttrain-error:0.2", "[0]#011train-error:0.2"),
        ("\x1b[31mred\x1b[0m", "#033[31mred#033[0m"),
        ("10%\r20%\r", "10%#01520%"),
        ("\r\r", ""),
        ("\x00\x7f\x1f", "#000#177#037"),
        ("plain \u20ac # \u0085", "plain \u20ac # \u0085"),
        ("", ""),
    ],
)
def test_control_characters_are_escaped_like_syslog(line: str, escaped: str) -> None:
    assert escape_control_characters(line) == escaped


def test_a_line_of_nothing_but_control_characters_is_escaped_quickly() -> None:
    began = thread_time()
    assert escape_control_characters("\x01" * 2**20) == "#001" * 2**20
    assert thread_time() - began < 0.5, "characters are replaced all at once"
