"""Why an invocation failed, in AWS's words where they are known.

Sources: API InvokeEndpoint (codes, statuses, members); [K] answers that users of AWS quote, without a capture here.
"""

from collections.abc import Mapping
from typing import Any

from emulator.domain.arn import ResourceKey
from emulator.domain.errors import ServiceError
from emulator.domain.s3_uri import S3Uri

ORIGINAL_MESSAGE_LIMIT = 2048
"""Bytes of a container's error answer that are quoted (API ModelError$OriginalMessage)."""


class InvocationError(ServiceError):
    """One with more members than `Message`."""

    def __init__(self, code: str, message: str, status: int, members: Mapping[str, Any]) -> None:
        super().__init__(code, message, status)
        self.members = members


def invalid_invocation(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)


def endpoint_not_found(name: str, account_id: str) -> ServiceError:
    """[K] Also for one that is still being created."""
    return invalid_invocation(f"Endpoint {name} of account {account_id} not found.")


def variant_not_found(name: str, endpoint: str) -> ServiceError:
    return invalid_invocation(f"Variant {name} not found for endpoint {endpoint}.")


def container_not_found(hostname: str, endpoint: str) -> ServiceError:
    return invalid_invocation(f"Container {hostname} not found for endpoint {endpoint}.")


def target_model_not_supported(endpoint: str) -> ServiceError:
    """Source: amazon-sagemaker-examples#1026."""
    return invalid_invocation(
        f"Endpoint {endpoint} is not a multi-model endpoint and does not support target model header."
    )


def target_model_missing(request_id: str) -> ServiceError:
    """The beginning is known (sagemaker-tensorflow-serving-container#166)."""
    return invalid_invocation(f"Request {request_id} is missing a target model header.")


def payload_too_large(limit: int) -> ServiceError:
    """[K] AWS's front end answers so before the service does: without a code, so clients show `413`."""
    return ServiceError("", f"HTTP content length exceeded {limit} bytes.", 413)


def service_unavailable(message: str) -> ServiceError:
    return ServiceError("ServiceUnavailable", message, 503)


def throttled(message: str) -> ServiceError:
    return ServiceError("ThrottlingException", message, 429)


def model_not_ready(target_model: str) -> ServiceError:
    return ServiceError(
        "ModelNotReadyException",
        f"Model {target_model} is not ready yet. Wait and try your request again.",
        429,
    )


def model_data_missing(url: str, fault: str = "") -> ServiceError:
    """[K] A TargetModel that S3 does not have, or that cannot be extracted; `url` is s3://bucket/key."""
    bucket, key = S3Uri.parse(url)
    text = (
        f"Failed to download model data(bucket: {bucket}, key: {key}). Please ensure that there is an object located "
        "at the URL and that the role passed to CreateModel has permissions to download the model."
    )
    return invalid_invocation(f"{text} {fault}".rstrip())


def body_oversize(request_id: str) -> ServiceError:
    """Serverless (sagemaker-python-sdk#4271)."""
    return invalid_invocation(f"Request {request_id} has oversize body.")


def model_error(
    key: ResourceKey, container: str, status: int, original: str, is_whole: bool = True
) -> InvocationError:
    """What the container answered or failed to; `status` is 0 where it did not answer.

    Real answers: sagemaker-python-sdk#2955 and #4324 (a body that broke off), amazon-sagemaker-examples#1407 (0).
    """
    group, region = _log_group(key), key.region
    kind = "client" if 400 <= status < 500 else "server"
    quoted = f' with message "{original}"' if is_whole else " and could not load the entire response body"
    text = (
        f"Received {kind} error ({status}) from {container}{quoted}. See "
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group} "
        f"in account {key.account_id} for more information."
    )
    return _model_error(key, text, status, original)


def length_missing(key: ResourceKey, container: str) -> InvocationError:
    """Of an asynchronous answer: chunks are not taken (djl-serving#2567, a real data log)."""
    text = f"The response from container {container} did not specify the required Content-Length header"
    return _model_error(key, text, 0, text)


def _model_error(key: ResourceKey, text: str, status: int, original: str) -> InvocationError:
    """ErrorCode is in real answers beside what the API names (sagemaker-tensorflow-serving-container#109)."""
    kind = "CLIENT_ERROR" if 400 <= status < 500 else "INTERNAL_FAILURE"
    members = {
        "ErrorCode": f"{kind}_FROM_MODEL",
        "OriginalStatusCode": status,
        "OriginalMessage": original,
        "LogStreamArn": f"arn:aws:logs:{key.region}:{key.account_id}:log-group:{_log_group(key)}",
    }
    return InvocationError("ModelError", text, 424, members)


def _log_group(key: ResourceKey) -> str:
    return f"/aws/sagemaker/Endpoints/{key.name}"


def timed_out(container: str) -> str:
    """The original message where no answer came in time (amazon-sagemaker-examples#1407)."""
    return (
        f"Your invocation timed out while waiting for a response from container {container}. Review the latency "
        "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
    )


def stream_timed_out(container: str) -> str:
    """[K] The message of the event where a response stream stood still or took too long."""
    return f"Your model {container} did not complete sending the inference response in the allotted time."
