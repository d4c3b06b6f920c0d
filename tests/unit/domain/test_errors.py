import pytest

from emulator.domain import errors
from emulator.domain.errors import ServiceError

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:training-job/x"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            errors.training_job_name_in_use(ARN),
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training job with this "
            f"name already exists ({ARN})",
        ),
        (errors.resource_not_found(), "ValidationException", "Requested resource not found."),
        (
            errors.training_job_is_over("Completed"),
            "ValidationException",
            "The request was rejected because the training job is in status Completed.",
        ),
        (
            errors.no_objects_found("s3://b/k", "us-west-2", "arn:role", "b"),
            "ValidationException",
            'No S3 objects found under S3 URL "s3://b/k" given in input data source. Please ensure that the '
            "bucket exists in the selected region (us-west-2), that objects exist under that S3 prefix, and that "
            'the role "arn:role" has "s3:ListBucket" permissions on bucket "b".',
        ),
    ],
)
def test_error_has_the_code_and_the_words_of_sagemaker(error: ServiceError, code: str, message: str) -> None:
    assert (error.status, error.code, error.message) == (400, code, message)
    assert str(error) == f"{code}: {message}"


def test_no_objects_found_ends_with_the_words_of_s3() -> None:
    error = errors.no_objects_found("s3://b/k", "r", "role", "b", "Access Denied")

    assert error.message.endswith('on bucket "b". Error message from S3: Access Denied')


def test_operation_not_emulated_is_no_fault_of_the_caller() -> None:
    error = errors.operation_not_emulated("sagemaker", "CreateModel")

    assert error.status == 501
    assert "sagemaker.CreateModel" in error.message


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (errors.not_emulated("InputMode", "Pipe", "Use File."), "ValidationException", "Pipe as InputMode"),
        (errors.too_many_tags(50), "ResourceLimitExceeded", "at most 50 tags"),
        (errors.invalid_next_token(), "ValidationException", "NextToken"),
        (errors.invalid_parameter("why"), "InvalidParameterException", "why"),
        (errors.mutually_exclusive("a", "b"), "InvalidParameterException", "a and b are mutually exclusive"),
        (
            errors.log_group_not_found(),
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        ),
        (
            errors.log_stream_not_found(),
            "ResourceNotFoundException",
            "The specified log stream does not exist.",
        ),
    ],
)
def test_error_of_ours_says_what_is_wrong(error: ServiceError, code: str, part: str) -> None:
    assert (error.status, error.code) == (400, code)
    assert part in error.message
