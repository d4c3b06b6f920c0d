"""Why a transform job failed, in the words of FailureReason and of the data log."""

from collections.abc import Sequence

from emulator.domain.cluster import InstanceExit
from emulator.domain.failure_reason import JobFailure, out_of_memory
from emulator.hosting.transform_fault import TransformFault

LOOK_AT_LOGS = "See job logs for more information"

VERDICT_LIMIT = 5.0
"""Seconds for the news of a container's end, which says more than that nobody answers any more, and may come later."""


class AlgorithmFault(TransformFault):
    """The model is at fault, not the data."""


def client_error(status: int, body: bytes) -> TransformFault:
    """AWS's text for an answer 4xx (amazon-sagemaker-examples#1620)."""
    return TransformFault(_with_message(f"ClientError: {status}", body))


def bad_status(status: int, body: bytes) -> AlgorithmFault:
    """AWS's text for the others (sagemaker-tensorflow-serving-container#93)."""
    return AlgorithmFault(_with_message(f"Bad HTTP status received from algorithm: {status}", body))


def no_response() -> AlgorithmFault:
    """AWS's text (sagemaker-python-sdk#1951)."""
    return AlgorithmFault("Unable to get response from algorithm")


def answer_too_large(limit: int) -> AlgorithmFault:
    return AlgorithmFault(
        f"The algorithm's answer to one request has more than {limit // 2**20} MiB. "
        "Use a smaller MaxPayloadInMB, or BatchStrategy SingleRecord."
    )


def _with_message(first: str, body: bytes) -> str:
    return f"{first}\n\nMessage:\n{body.decode('utf-8', 'replace')}"


def job_logs(fault: TransformFault) -> str:
    """AWS's FailureReason where the data log says more (deep-learning-containers#586)."""
    return f"{'AlgorithmError' if isinstance(fault, AlgorithmFault) else 'ClientError'}: {LOOK_AT_LOGS}"


def no_ping(why: str) -> JobFailure:
    """AWS's text (amazon-sagemaker-examples#852), and what the emulator knows beyond it."""
    return JobFailure(
        "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is implemented "
        f"and responds with an HTTP 200 status code{f' ({why})' if why else ''}"
    )


def container_ended(
    end: InstanceExit, instance_type: str, memory_limit: int, was_healthy: bool
) -> JobFailure:
    """Of a container that should serve. `memory_limit` in bytes; the texts are our choice where AWS's are not known."""
    if end.oom_killed:
        peak = end.peak_memory_bytes or memory_limit
        return JobFailure(out_of_memory(end.host, instance_type, memory_limit, peak))
    why = f"{end.host} ended with exit code {end.exit_code}{f': {end.detail}' if end.detail else ''}"
    return JobFailure(f"AlgorithmError: {LOOK_AT_LOGS} ({why})") if was_healthy else no_ping(why)


def no_objects(uri: str) -> JobFailure:
    return JobFailure(f"ClientError: No S3 objects found under S3 URL {uri!r} given in input data source.")


def same_output(keys: Sequence[str], output: str) -> JobFailure:
    first, second = keys
    return JobFailure(
        f"ClientError: The output of the keys {first!r} and {second!r} would be the same object {output!r}. "
        "End the prefix of S3Uri with a slash."
    )


def input_not_listed(why: str) -> JobFailure:
    return JobFailure(f"ClientError: Data download failed:{why}")
