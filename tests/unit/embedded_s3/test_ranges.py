import pytest

from emulator.embedded_s3.errors import S3Error
from emulator.embedded_s3.ranges import ByteRange, select_copy_range, select_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 10)),
        ("bytes=3-5", (3, 3)),
        ("bytes=9-9", (9, 1)),
        ("bytes=9-10", (9, 1)),
        ("bytes=-1", (9, 1)),
        ("bytes=-10", (0, 10)),
        ("bytes=-11", (0, 10)),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("bytes=a-b", None),
        ("items=0-1", None),
        ("", None),
    ],
)
def test_select_range(header: str | None, expected: tuple[int, int] | None) -> None:
    assert select_range(header, 10) == expected


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=10-11", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)],
)
def test_select_range_outside(header: str, size: int) -> None:
    with pytest.raises(S3Error) as error:
        select_range(header, size)
    assert error.value.code == "InvalidRange"
    assert error.value.details["ActualObjectSize"] == str(size)


def test_content_range() -> None:
    assert ByteRange(3, 4).content_range(10) == "bytes 3-6/10"


@pytest.mark.parametrize(
    ("header", "expected"), [(None, (0, 10)), ("bytes=0-9", (0, 10)), ("bytes=3-3", (3, 1))]
)
def test_select_copy_range(header: str | None, expected: tuple[int, int]) -> None:
    assert select_copy_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=0-10", "bytes=5-4", "bytes=-3", "bytes=3-", "x"])
def test_select_copy_range_refuses(header: str) -> None:
    with pytest.raises(S3Error) as error:
        select_copy_range(header, 10)
    assert error.value.code == "InvalidArgument"
