from datetime import UTC, datetime

import pytest

from emulator.embedded_s3.conditions import check_copy_source, check_read, check_write
from emulator.embedded_s3.errors import S3Error

MODIFIED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SAME = "Fri, 02 Jan 2026 03:04:05 GMT"
BEFORE = "Fri, 02 Jan 2026 03:04:04 GMT"
READ = [
    ({}, True),
    ({"if-match": '"e"'}, True),
    ({"if-match": "e"}, True),
    ({"if-match": '"x", "e"'}, True),
    ({"if-match": "*"}, True),
    ({"if-match": '"x"'}, "PreconditionFailed"),
    ({"if-none-match": '"e"'}, False),
    ({"if-none-match": 'W/"e"'}, False),
    ({"if-none-match": "*"}, False),
    ({"if-none-match": '"x"'}, True),
    ({"if-modified-since": SAME}, False),
    ({"if-modified-since": BEFORE}, True),
    ({"if-modified-since": "no date"}, True),
    ({"if-unmodified-since": SAME}, True),
    ({"if-unmodified-since": BEFORE}, "PreconditionFailed"),
    ({"if-unmodified-since": "no date"}, True),
    ({"if-match": '"e"', "if-unmodified-since": BEFORE}, True),
    ({"if-none-match": '"x"', "if-modified-since": SAME}, True),
    ({"if-match": '"x"', "if-none-match": '"x"'}, "PreconditionFailed"),
]


@pytest.mark.parametrize(("headers", "expected"), READ)
def test_check_read(headers: dict[str, str], expected: bool | str) -> None:
    if isinstance(expected, bool):
        assert check_read(headers, "e", MODIFIED) is expected
    else:
        with pytest.raises(S3Error) as error:
            check_read(headers, "e", MODIFIED)
        assert (error.value.code, error.value.status) == (expected, 412)


@pytest.mark.parametrize(("headers", "expected"), READ)
def test_check_copy_source(headers: dict[str, str], expected: bool | str) -> None:
    renamed = {f"x-amz-copy-source-{name}": value for name, value in headers.items()}
    if expected is True:
        check_copy_source(renamed, "e", MODIFIED)
    else:
        with pytest.raises(S3Error) as error:
            check_copy_source(renamed, "e", MODIFIED)
        assert error.value.code == "PreconditionFailed"


@pytest.mark.parametrize(
    ("headers", "etag", "expected"),
    [
        ({}, None, ""),
        ({}, "e", ""),
        ({"if-none-match": "*"}, None, ""),
        ({"if-none-match": "*"}, "e", "PreconditionFailed"),
        ({"if-none-match": '"e"'}, None, "NotImplemented"),
        ({"if-match": '"e"'}, "e", ""),
        ({"if-match": '"x"'}, "e", "PreconditionFailed"),
        ({"if-match": '"e"'}, None, "NoSuchKey"),
    ],
)
def test_check_write(headers: dict[str, str], etag: str | None, expected: str) -> None:
    code = ""
    try:
        check_write(headers, "k", etag)
    except S3Error as error:
        code = error.code
    assert code == expected
