import pytest

from emulator.domain.s3_uri import S3Uri


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://b/k", "b", "k"),
        ("s3://b/a/b/", "b", "a/b/"),
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3://b//k", "b", "/k"),
        ("https://b/k", "b", "k"),
        ("https://s3.amazonaws.com/b/k/l", "b", "k/l"),
        ("https://s3-eu-west-1.amazonaws.com/b/k", "b", "k"),
        ("https://s3.dualstack.eu-west-1.amazonaws.com/b", "b", ""),
        ("https://b.with.s3.dots.s3.eu-west-1.amazonaws.com/k/l", "b.with.s3.dots", "k/l"),
        ("https://b.s3.cn-north-1.amazonaws.com.cn/", "b", ""),
        ("https://s3.amazonaws.com/", "s3.amazonaws.com", ""),
        ("https://b.s3.amazonaws.com.evil.example/k", "b.s3.amazonaws.com.evil.example", "k"),
        ("s3://s3.amazonaws.com/b/k", "s3.amazonaws.com", "b/k"),
        ("s3://b/a b?c#d%20é", "b", "a b?c#d%20é"),
        ("s3://b/a\nb", "b", "a\nb"),
        ("s3://b.with.dots/s3://x", "b.with.dots", "s3://x"),
    ],
)
def test_s3_uri_parses(text: str, bucket: str, key: str) -> None:
    assert S3Uri.parse(text) == S3Uri(bucket, key)


@pytest.mark.parametrize(
    "text", ["", "b/k", "s3:/b/k", "s3://", "s3:///k", "S3://b/k", "http://b/k", " s3://b/k"]
)
def test_s3_uri_refuses_and_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an S3 URI; write s3://bucket/key\."):
        S3Uri.parse(text)


def test_s3_uri_prints_as_it_was_written() -> None:
    for text in ("s3://b/k", "s3://b/a/", "s3://b//k", "s3://b/"):
        assert str(S3Uri.parse(text)) == text


@pytest.mark.parametrize(
    ("path", "joined"),
    [
        ("s3://b", "s3://b/job/output/model.tar.gz"),
        ("s3://b/", "s3://b/job/output/model.tar.gz"),
        ("s3://b/x", "s3://b/x/job/output/model.tar.gz"),
        ("s3://b/x/", "s3://b/x/job/output/model.tar.gz"),
        ("s3://b/x/y/", "s3://b/x/y/job/output/model.tar.gz"),
    ],
)
def test_s3_uri_join_takes_the_path_as_a_folder(path: str, joined: str) -> None:
    assert str(S3Uri.parse(path).join("job", "output", "model.tar.gz")) == joined


def test_s3_uri_join_keeps_inner_slashes() -> None:
    assert S3Uri("b", "/a//b").join("c").key == "/a//b/c"
