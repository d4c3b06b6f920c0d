import pytest

from emulator.domain import failure_reason
from emulator.domain.failure_reason import JobFailure, algorithm_error, gib, out_of_memory


@pytest.mark.parametrize("code", [1, 2, 127, 137])
def test_algorithm_error_without_failure_file(code: int) -> None:
    assert algorithm_error(code) == f"AlgorithmError: , exit code: {code}"


def test_algorithm_error_with_failure_file() -> None:
    text = 'ExecuteUserScriptError:\nExitCode 1\nErrorMessage "boom"'

    assert algorithm_error(1, text) == f"AlgorithmError: {text}, exit code: 1"


@pytest.mark.parametrize("length", [990, 1_024, 5_000])
def test_algorithm_error_has_at_most_1024_characters(length: int) -> None:
    reason = algorithm_error(1, "é" * length)

    assert reason == f"AlgorithmError: {'é' * length}, exit code: 1"[:1024]


def test_job_failure_cuts_its_reason_at_1024_characters() -> None:
    assert JobFailure("x" * 1_025).reason == "x" * 1_024


def test_out_of_memory_begins_with_the_text_of_sagemaker() -> None:
    reason = out_of_memory("algo-2", "ml.m5.large", 7 * 2**30, 2**29)

    assert reason.startswith(
        "ClientError: Please use an instance type with more memory, "
        "or reduce the size of job data processed on an instance."
    )
    assert "algo-2" in reason
    assert "ml.m5.large" in reason
    assert "7.00 GiB" in reason
    assert "512 MiB" in reason


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (failure_reason.data_download_failed("x"), "ClientError: Data download failed:x"),
        (failure_reason.artifact_upload_failed("x"), "ClientError: Artifact upload failed:x"),
        (
            JobFailure(failure_reason.CAPACITY),
            "CapacityError: Unable to provision requested ML compute capacity. "
            "Please retry using a different ML instance type.",
        ),
    ],
)
def test_job_failure_has_the_words_of_sagemaker(failure: JobFailure, reason: str) -> None:
    assert failure.reason == reason
    assert str(failure) == reason


def test_internal_error_begins_with_the_text_of_sagemaker() -> None:
    text = "InternalServerError: We encountered an internal error. Please try again."

    assert failure_reason.internal_error("why").reason == f"{text} (why)"
    assert failure_reason.container_gone("algo-1").reason == f"{text} (the container of algo-1 is gone)"


def test_image_not_found_names_the_image_and_the_fault_class() -> None:
    reason = failure_reason.image_not_found("algorithm:7", "No such image.").reason

    assert reason.startswith("ClientError: Cannot find the training image algorithm:7: No such image. ")


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 MiB"), (2**30 - 1, "1024 MiB"), (2**30, "1.00 GiB"), (3 * 2**29, "1.50 GiB")]
)
def test_gib_is_what_people_read(size: int, text: str) -> None:
    assert gib(size) == text
