"""Pure: pages of ECR's listings. A token names the last entry of the page before."""

import base64
import binascii
from collections.abc import Sequence

from emulator.domain import ecr_errors
from emulator.operations.registry import Params, Result


def page_start(params: Params) -> str:
    """The entry that the page begins behind. Raises InvalidParameterException."""
    try:
        return base64.urlsafe_b64decode(params.get("nextToken", "")).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ecr_errors.invalid_parameter("nextToken", "must be the token of a page") from None


def next_token(names: Sequence[str], limit: int) -> Result:
    """`names`: of the entries from the page's start on, in order; more than `limit` where there is another page."""
    if len(names) <= limit:
        return {}
    return {"nextToken": base64.urlsafe_b64encode(names[limit - 1].encode()).decode("ascii")}
