"""S3 URIs, as request members spell them."""

import re
from typing import NamedTuple

_URI = re.compile(r"(https|s3)://([^/]+)/?(.*)", re.DOTALL)
_ENDPOINT = re.compile(r"(?:(.+)\.)?s3(?:[.-][a-z0-9]+)*\.amazonaws\.com(?:\.cn)?")
"""S3's host, after a bucket or without one."""


class S3Uri(NamedTuple):
    """A bucket and a key or key prefix, which may be empty."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> "S3Uri":
        """Parse `s3://bucket/key`, or https with either form of S3's own URLs (pattern of API S3DataSource$S3Uri;
        MLflow's deployments have a ModelDataUrl with the bucket in its path). Raises ValueError otherwise.
        """
        match = _URI.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an S3 URI; write s3://bucket/key.")
        scheme, host, path = match.groups()
        endpoint = _ENDPOINT.fullmatch(host) if scheme == "https" else None
        if endpoint is None:
            return cls(host, path)
        bucket, _, key = path.partition("/")
        return cls(endpoint[1], path) if endpoint[1] else cls(bucket or host, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def join(self, *parts: str) -> "S3Uri":
        """This URI taken as a folder, with or without its final slash, and `parts` below it."""
        head = [self.key.rstrip("/")] if self.key.rstrip("/") else []
        return S3Uri(self.bucket, "/".join([*head, *parts]))
