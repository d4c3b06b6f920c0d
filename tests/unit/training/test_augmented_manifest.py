from collections.abc import Iterator

import pytest

from emulator.domain.s3_uri import S3Uri
from emulator.training.augmented_manifest import read_lines

LINE = b'{"source-ref": "s3://bucket/a.jpg", "label": 1, "more": "x"}\n'


def values(line: bytes, *names: str) -> tuple[bytes | S3Uri, ...]:
    (read,) = read_lines([line], names)
    return read.values


def test_read_lines_picks_attributes_in_the_order_of_their_names() -> None:
    assert values(LINE, "source-ref", "label") == (S3Uri("bucket", "a.jpg"), b"1")
    assert values(LINE, "label", "source-ref", "label") == (b"1", S3Uri("bucket", "a.jpg"), b"1")


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ('"plain text"', "plain text"),
        ('"s3://bucket/not-read"', "s3://bucket/not-read"),
        ('""', ""),
        (r'"\"ä\n\u0000"', '"ä\n\0'),
        ("1", "1"),
        ("-0.5", "-0.5"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("true", "true"),
        ("null", "null"),
        ('{ "b": [1, 2.50, null], "ä": {} }', '{"b":[1,2.5,null],"ä":{}}'),
        ("[ ]", "[]"),
    ],
)
def test_read_lines_sends_other_values_as_text(value: str, sent: str) -> None:
    assert values(f'{{"v": {value}}}'.encode(), "v") == (sent.encode(),)


@pytest.mark.parametrize("name", ["a-ref-metadata", "ref", "A-REF", "a_ref"])
def test_read_lines_takes_only_names_that_end_in_ref_for_references(name: str) -> None:
    assert values(f'{{"{name}": "s3://b/k"}}'.encode(), name) == (b"s3://b/k",)


def test_read_lines_leaves_out_blank_lines_and_counts_them() -> None:
    lines = [b"\n", b'{"v": 1}\r\n', b"  \t\n", b'{"v": 2}']

    assert [(line.number, line.values) for line in read_lines(lines, ["v"])] == [(2, (b"1",)), (4, (b"2",))]


def test_read_lines_reads_no_further_than_it_is_asked() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield LINE

    lines = read_lines(endless(), ["label"])

    assert [next(lines).number for _ in range(3)] == [1, 2, 3]


REFUSED = [
    (b"{'v': 1}", "line 2 column 2: invalid JSON: Expecting property name enclosed in double quotes"),
    (b'{"v": 1} {"v": 2}', "line 2 column 10: invalid JSON: Extra data"),
    (b'{"v": 1', "line 2 column 8: invalid JSON: Expecting ',' delimiter"),
    (b'\xef\xbb\xbf{"v": 1}', "line 2 column 1: invalid JSON: Unexpected UTF-8 BOM (decode using utf-8-sig)"),
    (b'{"v": NaN}', "line 2: invalid JSON: NaN is not a JSON number"),
    (b'{"v": -Infinity}', "line 2: invalid JSON: -Infinity is not a JSON number"),
    (b'{"v": "\xe4"}', "line 2: byte 0xe4 is not UTF-8"),
    (b'{"v":' * 100_000, "line 2 is nested too deeply"),
    (b'["v"]', "line 2 is not a JSON object"),
    (b'"v"', "line 2 is not a JSON object"),
    (b"null", "line 2 is not a JSON object"),
    (b'{"V": 1}', "line 2: the attribute 'v', which AttributeNames lists, is missing"),
    (b'{"v": "\\udc00"}', "line 2: the value of 'v' is not valid Unicode"),
    (b'{"v": 1, "v-ref": "b/k"}', "line 2: the value of 'v-ref' is not the S3 URI of an object: \"b/k\""),
    (
        b'{"v": 1, "v-ref": "s3://b"}',
        "line 2: the value of 'v-ref' is not the S3 URI of an object: \"s3://b\"",
    ),
    (
        b'{"v": 1, "v-ref": "s3://b/\\udc00"}',
        "line 2: the value of 'v-ref' is not the S3 URI of an object: \"s3://b/\\udc00\"",
    ),
    (b'{"v": 1, "v-ref": 7}', "line 2: the value of 'v-ref' is not the S3 URI of an object: 7"),
    (b'{"v": 1, "v-ref": null}', "line 2: the value of 'v-ref' is not the S3 URI of an object: null"),
]


@pytest.mark.parametrize(("line", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_read_lines_refuses_and_tells_line_and_reason(line: bytes, reason: str) -> None:
    good = b'{"v": 1, "v-ref": "s3://b/k"}\n'

    with pytest.raises(ValueError, match=r".") as caught:
        list(read_lines([good, line], ["v", "v-ref"]))

    assert str(caught.value) == reason


@pytest.mark.parametrize("number", ["1e999", "1" * 5_000])
def test_read_lines_refuses_numbers_that_python_cannot_hold(number: str) -> None:
    with pytest.raises(ValueError, match=r"^line 1: "):
        list(read_lines([f'{{"v": {number}}}'.encode()], ["v"]))
