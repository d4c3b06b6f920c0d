"""The emulator's S3 where another one holds the objects, as with S3_ENDPOINT_URL."""

from collections.abc import Iterator
from contextlib import contextmanager

from emulator.objects.pass_through import PassThrough
from tests.support.asgi_server import serving
from tests.support.minio_server import ACCESS_KEY, SECRET_KEY
from tests.support.s3_server import ACCOUNT, REGION


@contextmanager
def passing_through(url: str) -> Iterator[str]:
    """The endpoint URL of the emulator's S3 where `url` is the external one."""
    app = PassThrough(url, ACCESS_KEY, SECRET_KEY, REGION, ACCOUNT)
    with serving(app) as server:
        yield server.url
        server.portal.call(app.close)
