"""A request that is not passed on to the external S3."""


class Refusal(Exception):  # noqa: N818 - it is the answer, not a fault of ours
    """Becomes S3's XML answer of this HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
