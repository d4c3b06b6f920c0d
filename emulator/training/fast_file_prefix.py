"""Pure: FastFile mode takes whole folders and whole objects only, where File mode takes any beginning of a key."""

from collections.abc import Iterable

from emulator.domain.failure_reason import JobFailure, data_download_failed
from emulator.domain.s3_object import S3Object


def refuse_partial_prefix(prefix: str, found: Iterable[S3Object]) -> None:
    """Raises JobFailure, in AWS's words, for the first object whose key goes on within the prefix's last name."""
    if not prefix or prefix.endswith("/"):
        return
    for one in found:
        if one.key != prefix and not one.key.startswith(f"{prefix}/"):
            raise partial_prefix(prefix, one.key)


def partial_prefix(prefix: str, key: str) -> JobFailure:
    """The text of a real job, whose `ClientError:` stands there twice."""
    failure = data_download_failed(
        "Failed to download data. For FastFile mode, partial S3 prefix is not supported. S3 prefix has to end "
        "with a full file or folder. Add a trailing '/' to the S3 prefix if it ends with a folder name that is "
        f"also a prefix for other folders. Current S3 prefix: [{prefix}], found S3 object: [{key}]."
    )
    return JobFailure(f"ClientError: {failure.reason}")
