"""InvokeEndpoint with the real boto3."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.runtime_server import RunningRuntime


def failure(runtime: RunningRuntime, **request: Any) -> dict[str, Any]:
    """The error answer to an InvokeEndpoint."""
    with pytest.raises(ClientError) as error:
        runtime.client().invoke_endpoint(**{"EndpointName": "e", "Body": b"x", **request})
    return dict(error.value.response)


def invoke(runtime: RunningRuntime, **request: Any) -> tuple[str, bytes]:
    """The variant and the body, read to its end."""
    answer = runtime.client().invoke_endpoint(**{"EndpointName": "e", "Body": b"x", **request})
    return answer["InvokedProductionVariant"], answer["Body"].read()
