"""Virtual-host style S3 addresses: the bucket in the Host header."""

from collections.abc import Iterable

HOST_SUFFIXES = (".localhost", ".s3.localhost", ".host.docker.internal", ".s3.host.docker.internal")
"""What may stand behind a bucket's name."""


def bucket_of_host(host: str, suffixes: Iterable[str] = HOST_SUFFIXES) -> str:
    """The bucket that a `Host` header names, else an empty text."""
    name = host.rsplit(":", 1)[0].lower() if not host.endswith("]") else host
    ordered = sorted(suffixes, key=len, reverse=True)
    if any(name == suffix.removeprefix(".") for suffix in ordered):
        return ""
    return next((name.removesuffix(suffix) for suffix in ordered if name.endswith(suffix)), "")
