"""Requests to sagemaker-runtime byte by byte, signed as SDKs sign them."""

import socket
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.runtime_server import RunningRuntime


def signed_head(runtime: RunningRuntime, path: str, **headers: str) -> bytes:
    """A request's first lines, as SDKs send them."""
    request = AWSRequest("POST", runtime.server.url + path, headers=headers)
    SigV4Auth(Credentials("test", "test"), "sagemaker", "us-east-1").add_auth(request)
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(runtime.server.url).netloc}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "host"]
    return "\r\n".join([*lines, "\r\n"]).encode()


def raw(runtime: RunningRuntime) -> socket.socket:
    url = urlsplit(runtime.server.url)
    return socket.create_connection((url.hostname, url.port), 60)
