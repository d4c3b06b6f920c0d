import pytest

from emulator.logs.log_event import MAX_MESSAGE_BYTES, event_size, split_message


@pytest.mark.parametrize(
    ("message", "limit", "parts"),
    [
        ("", 4, [""]),
        ("abcd", 4, ["abcd"]),
        ("abcde", 4, ["abcd", "e"]),
        ("abcdefgh", 4, ["abcd", "efgh"]),
        ("ab\u20ac\u20ac", 4, ["ab", "\u20ac", "\u20ac"]),
        ("\U0001f600\U0001f600", 7, ["\U0001f600", "\U0001f600"]),
        ("a\ud800b", 4, ["a?b"]),
    ],
)
def test_split_message_cuts_between_characters(message: str, limit: int, parts: list[str]) -> None:
    assert split_message(message, limit) == parts


def test_split_message_keeps_everything_within_cloudwatchs_limit() -> None:
    message = "x\u20ac" * 200_000
    parts = split_message(message)
    assert "".join(parts) == message
    assert len(parts) == 4
    assert all(event_size(part) <= 262_144 for part in parts)
    assert split_message("x" * MAX_MESSAGE_BYTES) == ["x" * MAX_MESSAGE_BYTES]
