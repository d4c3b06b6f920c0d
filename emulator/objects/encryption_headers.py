"""Encryption by the service (SSE-S3, SSE-KMS), for an external S3 without keys of its own.

A MinIO without a KMS refuses every upload that asks for encryption, and SDK v2 asks for it by default. So the
request loses the headers on its way in, and the answer tells them on its way out; nothing is encrypted.
"""

from collections.abc import Mapping

ALGORITHM = "x-amz-server-side-encryption"
_ECHOED = (ALGORITHM, f"{ALGORITHM}-aws-kms-key-id", f"{ALGORITHM}-bucket-key-enabled")
OF_ENCRYPTION = frozenset({*_ECHOED, f"{ALGORITHM}-context"})
"""The customer's own keys (SSE-C) are not among them."""


def echoed(headers: Mapping[str, str]) -> dict[str, str]:
    """What the answer to an upload with these headers says of its encryption."""
    return {name: headers[name] for name in _ECHOED if name in headers} if ALGORITHM in headers else {}
