"""The bucket that both SDKs use where the user names none; like the SDKs, the emulator makes it by itself."""

import re
from collections.abc import Container

_NAME = re.compile(r"sagemaker-[a-z0-9-]+-(\d{12})")
_PLACE = re.compile(r"sagemaker-([a-z]{2,3}(?:-[a-z]+)+-\d{1,2})-(\d{12})")


def default_bucket(region: str, account_id: str) -> str:
    return f"sagemaker-{region}-{account_id}"


def owner_by_name(bucket: str) -> str | None:
    """The account whose default bucket has this name; None for any other bucket."""
    match = _NAME.fullmatch(bucket)
    return match[1] if match else None


def place_by_name(bucket: str) -> tuple[str, str] | None:
    """(Region, account) whose default bucket has this name; None for any other bucket."""
    match = _PLACE.fullmatch(bucket)
    return (match[1], match[2]) if match else None


def is_use(method: str, key: str, query: Container[str]) -> bool:
    """Whether it is a request that makes the bucket: HeadBucket, ListObjectsV2, or the beginning of an upload."""
    if not key:
        return method == "HEAD" or (method == "GET" and "list-type" in query)
    return method == "PUT" or (method == "POST" and "uploads" in query)
