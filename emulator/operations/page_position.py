"""Pure: NextTokens that name the last entry of the page before, and the query that they belong to."""

import base64
import binascii
import json
from typing import Any

from emulator.domain import errors


def write_position(query: str, position: tuple[Any, ...]) -> str:
    """`query` tells one query from another; `position` are JSON scalars."""
    return base64.urlsafe_b64encode(json.dumps([query, *position]).encode()).decode("ascii")


def read_position(token: str, query: str, *kinds: type) -> tuple[Any, ...]:
    """The position, of as many values as `kinds`. Raises ValidationException for a token of another query."""
    try:
        content: Any = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise errors.invalid_next_token() from error
    if not isinstance(content, list) or content[:1] != [query] or len(content) != len(kinds) + 1:
        raise errors.invalid_next_token()
    values = content[1:]
    if any(type(value) is not kind for value, kind in zip(values, kinds, strict=True)):
        raise errors.invalid_next_token()
    return tuple(values)
