"""What a listing says of one S3 object."""

from typing import NamedTuple


class S3Object(NamedTuple):
    bucket: str
    key: str
    size: int
    """Bytes."""
    etag: str
    """Without quotes."""
