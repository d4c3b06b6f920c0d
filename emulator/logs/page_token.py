"""The tokens by which callers page through log events and streams. They stay valid for ever."""

import base64
import binascii
import json
import re
from typing import NamedTuple

from emulator.logs.log_event import MAX_NS, Position

HEAD = Position(0, 0)
TAIL = Position(MAX_NS, MAX_NS)

_EVENT_TOKEN = re.compile(r"([fb])/(\d{20})(\d{20})")


class Cursor(NamedTuple):
    """Where to read on: forward from just after a position, or backward from just before it."""

    forward: bool
    position: Position


def cursor_token(cursor: Cursor) -> str:
    timestamp_ns, sequence = cursor.position
    return f"{'f' if cursor.forward else 'b'}/{timestamp_ns:020d}{sequence:020d}"


def parse_cursor_token(token: str) -> Cursor:
    """Raises ValueError for what cursor_token cannot have made."""
    match = _EVENT_TOKEN.fullmatch(token)
    if match is None or max(int(match[2]), int(match[3])) > MAX_NS:
        raise ValueError("The specified nextToken is invalid.")
    return Cursor(match[1] == "f", Position(int(match[2]), int(match[3])))


def list_token(*keys: str | int) -> str:
    """An opaque token that holds the keys of the last item of a page."""
    return base64.urlsafe_b64encode(json.dumps(keys).encode("utf-8")).decode("ascii")


def parse_list_token(token: str, *types: type) -> tuple[str | int, ...]:
    """The keys, checked to be of `types`. Raises ValueError for what list_token cannot have made."""
    try:
        keys = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError):
        keys = None
    if not isinstance(keys, list) or [type(key) for key in keys] != list(types):
        raise ValueError("The specified nextToken is invalid.")
    if any(isinstance(key, int) and not 0 <= key <= MAX_NS for key in keys):
        raise ValueError("The specified nextToken is invalid.")
    return tuple(keys)
