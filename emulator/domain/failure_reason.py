"""The job's faults, in the words of FailureReason (section names: contract of AWS's real answers).

A failing algorithm is a successful run of the emulator: these are results, raised only to leave a stage.
"""

MAX_LENGTH = 1024
"""Characters, API DescribeTrainingJobResponse$FailureReason."""

MORE_MEMORY = (
    "ClientError: Please use an instance type with more memory, "
    "or reduce the size of job data processed on an instance."
)
CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. "
    "Please retry using a different ML instance type."
)
INTERNAL = "InternalServerError: We encountered an internal error. Please try again."

INJECTED = "somebody asked the emulator for this error"


class JobFailure(Exception):  # noqa: N818 - SageMaker's word: the job fails, the emulator does not
    """The job ends Failed with this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason[:MAX_LENGTH]


def algorithm_error(exit_code: int, failure_file: str = "") -> str:
    """The text for a container that exited non-zero; `failure_file` is /opt/ml/output/failure."""
    return f"AlgorithmError: {failure_file[:MAX_LENGTH]}, exit code: {exit_code}"[:MAX_LENGTH]


def out_of_memory(host: str, instance_type: str, limit: int, peak: int) -> str:
    """AWS's text, followed by what the user needs to know to act on it. Sizes in bytes."""
    return f"{MORE_MEMORY} ({host}, {instance_type}: memory limit {gib(limit)}, peak {gib(peak)})"


def data_download_failed(why: str) -> JobFailure:
    return JobFailure(f"ClientError: Data download failed:{why}")


def insufficient_disk_space(host: str, needed: int, volume: int) -> JobFailure:
    """AWS's text (sagemaker-python-sdk#128), followed by what the user needs to know to act on it. Sizes in bytes."""
    return data_download_failed(
        f"Insufficient disk space ({host}: input data of {gib(needed)}, storage volume {gib(volume)})"
    )


def volume_outgrown(host: str, used: int, volume: int) -> str:
    """On AWS a write fails instead, and what the algorithm makes of it is not established: the text is our choice."""
    return (
        f"ClientError: Insufficient disk space: {host} uses {gib(used)} of a storage volume of {gib(volume)}. "
        "Please use a larger VolumeSizeInGB, or an instance type with more local storage."
    )


def artifact_upload_failed(why: str) -> JobFailure:
    return JobFailure(f"ClientError: Artifact upload failed:{why}")


def image_not_found(image: str, why: str) -> JobFailure:
    """AWS refuses a missing image when the job is created; the text for later is our choice."""
    return JobFailure(
        f"ClientError: Cannot find the training image {image}: {why} "
        "Build or pull it on the Docker Engine that the emulator uses."
    )


def internal_error(why: str) -> JobFailure:
    return JobFailure(f"{INTERNAL} ({why})")


def container_gone(host: str) -> JobFailure:
    return internal_error(f"the container of {host} is gone")


def gib(size: int) -> str:
    """Bytes as people read them."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
