import base64
import json
from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.operations.page_position import read_position, write_position


def test_a_position_is_read_as_it_was_written() -> None:
    token = write_position("query", (True, 1.5, "\u2603"))
    assert token.isascii()
    assert read_position(token, "query", bool, float, str) == (True, 1.5, "\u2603")


@pytest.mark.parametrize(
    "content", [["other", "a"], ["query"], ["query", 1], ["query", "a", "b"], {"query": 1}, None]
)
def test_what_is_no_position_of_the_query_is_refused(content: Any) -> None:
    token = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    with pytest.raises(ServiceError, match="NextToken is invalid"):
        read_position(token, "query", str)


@pytest.mark.parametrize("token", ["", "nonsense", "%%%", "W1tb" * 2000])
def test_nonsense_is_refused(token: str) -> None:
    with pytest.raises(ServiceError, match="NextToken is invalid"):
        read_position(token, "query", str)
