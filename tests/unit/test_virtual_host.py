import pytest

from emulator.virtual_host import bucket_of_host, is_local_name, is_loopback, is_own_page


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("my-bucket.localhost:4567", "my-bucket"),
        ("my.bucket.s3.localhost", "my.bucket"),
        ("localhost:4567", ""),
        ("s3.localhost", ""),
        ("127.0.0.1:4567", ""),
        ("[::1]:4567", ""),
        ("[::1]", ""),
        ("bucket.example.com", ""),
    ],
)
def test_bucket_of_host(host: str, bucket: str) -> None:
    assert bucket_of_host(host) == bucket


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:4567",
        "[::1]:4567",
        "localhost:1",
        "LOCALHOST",
        "b.localhost:1",
        "host.docker.internal",
        "",
    ],
)
def test_local_names_are_let_in(host: str) -> None:
    assert is_local_name(host)


@pytest.mark.parametrize("host", ["evil.example:4567", "localhost.evil.example", "127.0.0.1.evil.example"])
def test_names_that_anybody_can_point_here_are_not_local(host: str) -> None:
    assert not is_local_name(host)


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:1", "http://b.localhost", "http://me.lan:1"],
)
def test_pages_of_this_machine(origin: str) -> None:
    assert is_own_page(origin, "me.lan:1")


@pytest.mark.parametrize(
    "origin",
    ["null", "", "https://evil.example", "http://203.0.113.5", "http://me.lan:2", "http://[", "file://"],
)
def test_pages_that_may_be_anybodys(origin: str) -> None:
    assert not is_own_page(origin, "me.lan:1")


def test_loopback_addresses() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("10.0.0.1")
