"""Who signed a request to S3, and for which Region. The signature itself is not verified."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_CREDENTIAL = re.compile(r"Credential=([^,\s]+)")
_REGION = re.compile(r"[a-z0-9-]{1,32}")


class CredentialScope(NamedTuple):
    """Members that the request does not tell are empty."""

    access_key: str
    region: str


def read_credential_scope(authorization: str, query: Mapping[str, str]) -> CredentialScope:
    """From the Authorization header, or from the query of a presigned URL."""
    match = _CREDENTIAL.search(authorization)
    scope = (match[1] if match else query.get("X-Amz-Credential", "")).split("/")
    access_key = scope[0] or query.get("AWSAccessKeyId", "")  # boto3 still presigns by version 2
    region = scope[2] if len(scope) == 5 and _REGION.fullmatch(scope[2]) else ""
    return CredentialScope(access_key, region)
