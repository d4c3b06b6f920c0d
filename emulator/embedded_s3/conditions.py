"""Conditional requests (S3 User Guide, "Conditional requests"; RFC 9110, section 13)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from emulator.embedded_s3 import errors


def _lists(header: str, etag: str) -> bool:
    listed = {value.strip().removeprefix("W/").strip('"') for value in header.split(",")}
    return "*" in listed or etag in listed


def _date(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def check_read(headers: Mapping[str, str], etag: str, last_modified: datetime, prefix: str = "if-") -> bool:
    """Whether a reader gets the object (False: 304, not modified). Raises PreconditionFailed.

    `last_modified` is in whole seconds, as HTTP dates are. With `prefix` `x-amz-copy-source-if-` these are
    the conditions on the source of a copy.
    """
    match, none_match = headers.get(prefix + "match"), headers.get(prefix + "none-match")
    if match is not None:
        if not _lists(match, etag):
            raise errors.precondition_failed("If-Match")
    else:
        unmodified_since = _date(headers.get(prefix + "unmodified-since"))
        if unmodified_since is not None and last_modified > unmodified_since:
            raise errors.precondition_failed("If-Unmodified-Since")
    if none_match is not None:
        return not _lists(none_match, etag)
    modified_since = _date(headers.get(prefix + "modified-since"))
    return modified_since is None or last_modified > modified_since


def check_copy_source(headers: Mapping[str, str], etag: str, last_modified: datetime) -> None:
    """The same on a copy's source, where "not modified" is a failure. Raises PreconditionFailed."""
    if not check_read(headers, etag, last_modified, prefix="x-amz-copy-source-if-"):
        raise errors.precondition_failed("x-amz-copy-source-If-None-Match")


def check_write(headers: Mapping[str, str], key: str, etag: str | None) -> None:
    """Conditions on replacing or deleting an object that has `etag`, or on making a new one (None).

    Raises PreconditionFailed, NoSuchKey, NotImplemented.
    """
    none_match, match = headers.get("if-none-match"), headers.get("if-match")
    if none_match is not None and none_match != "*":
        raise errors.feature_not_implemented("If-None-Match")
    if none_match is not None and etag is not None:
        raise errors.precondition_failed("If-None-Match")
    if match is not None and etag is None:
        raise errors.no_such_key(key)
    if match is not None and etag is not None and not _lists(match, etag):
        raise errors.precondition_failed("If-Match")
