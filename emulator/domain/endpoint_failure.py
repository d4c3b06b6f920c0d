"""Why an endpoint failed, in the words of FailureReason."""

from emulator.domain.failure_reason import JobFailure


def not_healthy(variant: str, why: str | None) -> JobFailure:
    """AWS's text, and what the emulator knows beyond it."""
    known = f" ({why})" if why else ""
    return JobFailure(
        f"The primary container for production variant {variant} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint.{known}"
    )
