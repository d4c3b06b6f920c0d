"""Virtual-host style S3 addresses: the bucket in the Host header."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

HOST_SUFFIXES = (".localhost", ".s3.localhost", ".host.docker.internal", ".s3.host.docker.internal")
"""What may stand behind a bucket's name."""


def bucket_of_host(host: str, suffixes: Iterable[str] = HOST_SUFFIXES) -> str:
    """The bucket that a `Host` header names, else an empty text."""
    name = host.rsplit(":", 1)[0].lower() if not host.endswith("]") else host
    ordered = sorted(suffixes, key=len, reverse=True)
    if any(name == suffix.removeprefix(".") for suffix in ordered):
        return ""
    return next((name.removesuffix(suffix) for suffix in ordered if name.endswith(suffix)), "")


@lru_cache(256)
def is_local_name(host: str) -> bool:
    """Whether a `Host` header names this machine without a look-up: an IP address, localhost, `*.localhost`.

    A web page elsewhere can make its own name resolve to 127.0.0.1, but not change the name that browsers send.
    """
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return name.lower() in ("", "localhost") or name.lower().endswith(HOST_SUFFIXES)
    return True


def is_own_page(origin: str, host: str) -> bool:
    """Whether an `Origin` header names this machine, or the server itself as `Host` does.

    An IP address may be anybody's here, and `null` is what pages send that hide where they are from.
    """
    try:
        page = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    name = page.rsplit(":", 1)[0] if not page.endswith("]") else page
    return page != "" and (page == host.lower() or is_loopback(name) or name.endswith(HOST_SUFFIXES))


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is one that only this machine reaches."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
