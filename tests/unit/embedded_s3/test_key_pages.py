import random
import sqlite3
from collections.abc import Iterator

import pytest

from emulator.embedded_s3.key_pages import ListedObject, Selection, behind_key, behind_prefix, list_page
from emulator.sqlite import Connection, migrate

KEYS = ["a", "a/", "a/1", "a/2/x", "a/2/y", "a0", "b/1", "c", "ü", "\U0001f600"]


@pytest.fixture
def connection() -> Iterator[Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, "emulator.embedded_s3.migrations")
    yield connection
    connection.close()


def insert(connection: Connection, keys: list[str], bucket: str = "bucket") -> None:
    for key in keys:
        row = (bucket, key.encode(), 1, "etag", 0, None, None, None, f"blob of {key}", "{}")
        connection.execute("INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def names(entries: list[ListedObject | str]) -> list[str]:
    """Common prefixes with a mark behind."""
    return [f"{entry}*" if isinstance(entry, str) else entry.key for entry in entries]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), KEYS),
        (Selection(prefix="a/"), ["a/", "a/1", "a/2/x", "a/2/y"]),
        (Selection(prefix="a/", delimiter="/"), ["a/", "a/1", "a/2/*"]),
        (Selection(delimiter="/"), ["a", "a/*", "a0", "b/*", "c", "ü", "\U0001f600"]),
        (Selection(delimiter="/2"), ["a", "a/", "a/1", "a/2*", "a0", "b/1", "c", "ü", "\U0001f600"]),
        (Selection(start=behind_key("a/1")), KEYS[3:]),
        (Selection(start=behind_prefix("a/"), delimiter="/"), ["a0", "b/*", "c", "ü", "\U0001f600"]),
        (Selection(prefix="a/", start=behind_key("a/2/x")), ["a/2/y"]),
        (Selection(prefix="a/", start=behind_key("b")), []),
        (Selection(prefix="none"), []),
        (Selection(limit=0), []),
    ],
)
def test_list_page(connection: Connection, selection: Selection, expected: list[str]) -> None:
    insert(connection, KEYS)
    insert(connection, ["other"], bucket="bucket2")
    page = list_page(connection, "bucket", selection)
    assert names(page.entries) == expected
    assert page.next_start is None
    assert names([*page.contents]) == [name for name in expected if not name.endswith("*")]
    assert [f"{name}*" for name in page.common_prefixes] == [name for name in expected if name.endswith("*")]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("delimiter", ["", "/", "-", "/-"])
@pytest.mark.parametrize("prefix", ["", "a", "a/", "-"])
def test_list_page_pages_give_what_one_page_gives(
    connection: Connection, limit: int, delimiter: str, prefix: str
) -> None:
    generator = random.Random(7)
    keys = sorted({"".join(generator.choices("ab/-é", k=generator.randint(1, 6))) for _ in range(200)})
    insert(connection, keys)
    expected: dict[str, None] = {}
    for key in sorted(keys, key=lambda key: key.encode()):
        if key.startswith(prefix):
            found = key.find(delimiter, len(prefix)) if delimiter else -1
            expected[key if found < 0 else f"{key[: found + len(delimiter)]}*"] = None
    listed: list[str] = []
    start: bytes | None = b""
    while start is not None:
        page = list_page(connection, "bucket", Selection(prefix, delimiter, start, limit))
        assert len(page.entries) <= limit
        listed += names(page.entries)
        start = page.next_start
    assert listed == list(expected)
