"""Who signed a request, read from the SigV4 signature. The signature itself is not verified."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.domain.access_key import account_of
from emulator.domain.errors import ServiceError

TEXT_LIMIT = 4096
"""Characters of an Authorization header or a presigned scope; a real one has some hundreds."""
_SCOPE = re.compile(r"([^/]+)/\d{8}/([^/]*)/([^/]*)/aws4_request")
_AFTER_SCOPE = re.compile(r"[,\s]")
_REGION = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True)
class Credential:
    """The credential scope of a signature."""

    access_key: str
    region: str
    service: str
    """SigV4's signing name, such as `sagemaker` for sagemaker-runtime too."""


def read_credential(headers: Mapping[str, str], query: Mapping[str, str]) -> Credential | None:
    """From the Authorization header or a presigned query; None for an unsigned request.

    Raises ServiceError where the scope cannot be read.
    """
    authorization = headers.get("authorization", "")
    if authorization.startswith("AWS4-"):
        return _parse(authorization)
    if "X-Amz-Credential" in query:
        return _parse(f"Credential={query['X-Amz-Credential']}")
    return None


def _parse(text: str) -> Credential | None:
    scope = (
        _AFTER_SCOPE.split(text.partition("Credential=")[2], maxsplit=1)[0] if len(text) <= TEXT_LIMIT else ""
    )
    match = _SCOPE.fullmatch(scope)
    if match is None:
        form = "<key>/<date>/<region>/<service>/aws4_request"
        raise ServiceError(
            "IncompleteSignatureException", f"Authorization header requires 'Credential={form}'."
        )
    access_key, region, service = match.groups()
    if not _REGION.fullmatch(region):
        raise ServiceError("InvalidSignatureException", "Credential should be scoped to a valid region.")
    return Credential(access_key, region, service)


def account_id(credential: Credential | None, default: str) -> str:
    """The account of the access key, or the default one for unsigned requests and keys that tell none."""
    return account_of(credential.access_key, default) if credential is not None else default
