"""A fault that S3 reported, or that a request to it met."""


class S3Fault(Exception):  # noqa: N818 - botocore's word for a fault of the service
    """`code` is S3's own (`NoSuchBucket`, `AccessDenied`, ...), `message` its text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
