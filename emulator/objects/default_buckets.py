"""Default buckets in an external S3, which knows no accounts: made at their first use, owned as their name says."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from emulator.domain.access_key import account_of
from emulator.domain.credential_scope import read_credential_scope
from emulator.domain.default_bucket import default_bucket, is_use, owner_by_name
from emulator.objects.address import Address

OWNER_HEADERS = frozenset({"x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"})

Ask = Callable[[str, str], Awaitable[int]]
"""Sends a request of a method to a path of the external S3; returns the answer's status."""


class DefaultBuckets:
    def __init__(self, ask: Ask, account_id: str, region: str) -> None:
        """`account_id` and `region` are those of callers whose credentials don't tell."""
        self._ask = ask
        self._account_id = account_id
        self._region = region
        self._present: set[str] = set()

    async def make(self, address: Address, headers: Mapping[str, str]) -> None:
        """Make the caller's own default bucket where the request is its first use."""
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        bucket = address.bucket
        if bucket in self._present or not is_use(address.method, address.key, query):
            return
        if bucket != self._name(headers, query):
            return
        status = await self._ask("HEAD", f"/{bucket}")
        if status == 404:
            status = await self._ask("PUT", f"/{bucket}")
        if status in (200, 409):
            self._present.add(bucket)

    def notice(self, address: Address, status: int) -> None:
        """Look at the bucket again before its next use, where an answer says that it may have gone."""
        if status == 404 or (address.method == "DELETE" and not address.key):
            self._present.discard(address.bucket)

    def _name(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        scope = read_credential_scope(headers.get("authorization", ""), query)
        return default_bucket(scope.region or self._region, account_of(scope.access_key, self._account_id))


def is_owned_otherwise(address: Address, headers: Mapping[str, str]) -> bool:
    """Whether the caller expects another account than the one that the bucket's name tells; others are not known."""
    owner, source_owner = owner_by_name(address.bucket), owner_by_name(_source_bucket(headers))
    expected = headers.get("x-amz-expected-bucket-owner", owner)
    expected_source = headers.get("x-amz-source-expected-bucket-owner", source_owner)
    return (owner is not None and expected != owner) or (
        source_owner is not None and expected_source != source_owner
    )


def _source_bucket(headers: Mapping[str, str]) -> str:
    return headers.get("x-amz-copy-source", "").removeprefix("/").partition("/")[0]
