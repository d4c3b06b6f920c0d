"""A pytest plugin: `pytest_plugins = ["tests.support.s3_fixtures"]` in a test module."""

import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.minio_server import ACCESS_KEY, SECRET_KEY, running_minio
from tests.support.s3_backends import S3Backend, new_name, remove_bucket
from tests.support.s3_pass_through import passing_through
from tests.support.s3_server import ACCOUNT, running_embedded_s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

EMBEDDED = pytest.param("embedded", id="embedded")
MINIO = pytest.param("minio", id="minio", marks=pytest.mark.minio)
PASS_THROUGH = pytest.param("pass-through", id="pass-through", marks=pytest.mark.minio)
"""MinIO behind the emulator, as with S3_ENDPOINT_URL."""


@pytest.fixture(scope="session", params=[EMBEDDED, MINIO, PASS_THROUGH])
def s3_backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[S3Backend]:
    directory = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        with running_embedded_s3(directory) as url:
            yield S3Backend("embedded", url, ACCOUNT, "any")
    elif request.param == "minio":
        with running_minio(directory) as url:
            yield S3Backend("minio", url, ACCESS_KEY, SECRET_KEY)
    else:
        with running_minio(directory) as url, passing_through(url) as through:
            yield S3Backend("pass-through", through, "any-access-key", "any-secret-key")


@pytest.fixture(scope="session")
def embedded_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Backend]:
    """For what only the embedded S3 does as AWS does; each test says how MinIO differs."""
    with running_embedded_s3(tmp_path_factory.mktemp("embedded-only")) as url:
        yield S3Backend("embedded", url, ACCOUNT, "any")


@pytest.fixture
def s3(s3_backend: S3Backend) -> Iterator["S3Client"]:
    client = s3_backend.client()
    yield client
    client.close()


@pytest.fixture
def embedded_s3(embedded_backend: S3Backend) -> Iterator["S3Client"]:
    client = embedded_backend.client()
    yield client
    client.close()


@pytest.fixture
def s3_bucket(s3: "S3Client") -> Iterator[str]:
    yield from _bucket(s3)


@pytest.fixture
def embedded_bucket(embedded_s3: "S3Client") -> Iterator[str]:
    yield from _bucket(embedded_s3)


def _bucket(client: "S3Client") -> Iterator[str]:
    name = new_name()
    client.create_bucket(Bucket=name)
    yield name
    remove_bucket(client, name)


@pytest.fixture
def localhost_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve `<bucket>.localhost`, which not every system does."""
    resolve: Callable[..., Any] = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        is_local = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if is_local else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
