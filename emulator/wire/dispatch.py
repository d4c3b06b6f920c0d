"""Where the wire ends: the call that the gateway makes with a validated request."""

from collections.abc import Awaitable, Callable
from typing import Any

from emulator.domain.caller import Caller

Params = dict[str, Any]
Result = dict[str, Any]

Dispatch = Callable[[Caller, str, str, Params], Awaitable[Result]]
"""(caller, service, operation name, validated params) -> result, both in wire casing with aware datetimes.

`service` is botocore's name (`sagemaker`, `logs`, `sts`). Raises ServiceError, and only it, for whatever the
caller may be told.
"""
