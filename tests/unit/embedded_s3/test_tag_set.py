import pytest

from emulator.embedded_s3.errors import S3Error
from emulator.embedded_s3.tag_set import read_tag_document, read_tag_header, tag_document


def test_tags_as_header_and_document() -> None:
    tags = read_tag_header("team=a%2Fb&empty=&%C3%BC=x+y")
    assert tags == {"team": "a/b", "empty": "", "ü": "x y"}
    assert read_tag_document(tag_document(tags)) == tags
    assert read_tag_header("") == {}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("a=1&a=2", "InvalidTag"),
        ("=1", "InvalidTag"),
        ("a" * 129 + "=1", "InvalidTag"),
        ("a=" + "1" * 257, "InvalidTag"),
        ("a=%3Cb%3E", "InvalidTag"),
        ("a=%ff", "InvalidArgument"),
        ("&".join(f"k{number}=v" for number in range(11)), "BadRequest"),
    ],
)
def test_tags_refused(header: str, code: str) -> None:
    with pytest.raises(S3Error) as error:
        read_tag_header(header)
    assert error.value.code == code
