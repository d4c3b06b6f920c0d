"""S3 URIs, as request members spell them."""

import re
from typing import NamedTuple

_URI = re.compile(r"(?:https|s3)://([^/]+)/?(.*)", re.DOTALL)


class S3Uri(NamedTuple):
    """A bucket and a key or key prefix, which may be empty."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> "S3Uri":
        """Parse `s3://bucket/key` (pattern of API S3DataSource$S3Uri). Raises ValueError otherwise."""
        match = _URI.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an S3 URI; write s3://bucket/key.")
        return cls(match[1], match[2])

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def join(self, *parts: str) -> "S3Uri":
        """This URI taken as a folder, with or without its final slash, and `parts` below it."""
        head = [self.key.rstrip("/")] if self.key.rstrip("/") else []
        return S3Uri(self.bucket, "/".join([*head, *parts]))
