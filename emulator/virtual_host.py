"""Virtual-host style S3 addresses: the bucket in the Host header."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

HOST_SUFFIXES = (".localhost", ".s3.localhost", ".host.docker.internal", ".s3.host.docker.internal")
"""What may stand behind a bucket's name."""
_OWN_NAMES = frozenset({"", "localhost", "host.docker.internal"})


def bucket_of_host(host: str, suffixes: Iterable[str] = HOST_SUFFIXES) -> str:
    """The bucket that a `Host` header names, else an empty text."""
    name = _without_port(host)
    ordered = sorted(suffixes, key=len, reverse=True)
    if any(name == suffix.removeprefix(".") for suffix in ordered):
        return ""
    return next((name.removesuffix(suffix) for suffix in ordered if name.endswith(suffix)), "")


@lru_cache(256)
def is_local_name(host: str) -> bool:
    """Whether a `Host` header names this machine whatever name servers say: an IP address, localhost, `*.localhost`,
    or Docker's name for it.

    A web page elsewhere can make its own name resolve to 127.0.0.1, but not change the name that browsers send.
    """
    name = _without_port(host)
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return name in _OWN_NAMES or name.endswith(HOST_SUFFIXES)
    return True


def is_listed(host: str, listed: Iterable[str]) -> bool:
    """Whether a `Host` header is one of these names, or ends with one of them that begins with a dot."""
    name = _without_port(host)
    return any(name.endswith(one) if one.startswith(".") else name == one for one in listed)


def is_own_page(origin: str, host: str, listed: Iterable[str] = ()) -> bool:
    """Whether an `Origin` header names this machine, a listed name, or the server itself as `Host` does.

    An IP address may be anybody's here, and `null` is what pages send that hide where they are from.
    """
    try:
        page = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    name = _without_port(page)
    is_here = is_loopback(name) or name.endswith(HOST_SUFFIXES) or is_listed(page, listed)
    return page != "" and (page == host.lower() or is_here)


def _without_port(host: str) -> str:
    return (host if host.endswith("]") else host.rsplit(":", 1)[0]).lower()


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is one that only this machine reaches."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
