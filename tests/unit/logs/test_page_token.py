import base64

import pytest

from emulator.logs.log_event import MAX_NS, Position
from emulator.logs.page_token import Cursor, cursor_token, list_token, parse_cursor_token, parse_list_token


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    "position", [Position(0, 0), Position(1_700_000_000_123_456_789, 7), Position(MAX_NS, MAX_NS)]
)
def test_cursor_token_is_read_back(forward: bool, position: Position) -> None:
    cursor = Cursor(forward, position)
    token = cursor_token(cursor)
    assert token.startswith("f/" if forward else "b/")
    assert parse_cursor_token(token) == cursor


@pytest.mark.parametrize("token", ["", "f/", "f/1", f"x/{'0' * 40}", f"f/{'9' * 40}", f"f/{'0' * 40}\n"])
def test_malformed_cursor_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="nextToken is invalid"):
        parse_cursor_token(token)


def test_list_token_is_read_back() -> None:
    assert parse_list_token(list_token(1, "name/\u20ac"), int, str) == (1, "name/\u20ac")


@pytest.mark.parametrize(
    "token",
    ["", "%", "\u20ac", "AAAA", "bnVsbA==", list_token("a"), list_token("a", "b"), list_token(-1, "b"),
     list_token(2**70, "b"), base64.urlsafe_b64encode(b"[" * 9000).decode()],
)  # fmt: skip
def test_malformed_list_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="nextToken is invalid"):
        parse_list_token(token, int, str)
