"""What a request to the external S3 is about, and what it must not be about."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from emulator.domain.bucket_name import has_form_of_bucket
from emulator.domain.credential_scope import read_credential_scope
from emulator.domain.s3_browsing import NO_OVERRIDES, has_overrides
from emulator.objects.refusal import Refusal

OF_THE_SERVER = frozenset({"minio", "rustfs"})
"""Not buckets: below these paths S3 servers have their administration, which our credentials would open."""


class Address(NamedTuple):
    method: str
    path: str
    """In path style, percent-encoded."""
    query: str

    @property
    def bucket(self) -> str:
        return self.path.removeprefix("/").partition("/")[0]

    @property
    def key(self) -> str:
        return self.path.removeprefix("/").partition("/")[2]


def check_address(address: Address) -> None:
    """Raises Refusal for what is neither the list of buckets, nor a bucket, nor an object in one."""
    if not address.path.startswith("/") or {".", ".."} & set(unquote(address.path).split("/")):
        raise Refusal(400, "InvalidURI", "Couldn't parse the specified URI.")
    if address.path == "/":
        if address.method not in ("GET", "HEAD"):
            text = "The specified method is not allowed against this resource."
            raise Refusal(405, "MethodNotAllowed", text)
    elif not has_form_of_bucket(address.bucket) or address.bucket in OF_THE_SERVER:
        raise Refusal(400, "InvalidBucketName", "The specified bucket is not valid.")


def check_overrides(address: Address, headers: Mapping[str, str]) -> None:
    """Raises Refusal where a request that nobody signed, and we would, says what headers the answer shall have."""
    query = dict(parse_qsl(address.query, keep_blank_values=True))
    scope = read_credential_scope(headers.get("authorization", ""), query)
    if has_overrides(query) and not scope.access_key:
        raise Refusal(400, "InvalidRequest", NO_OVERRIDES)
