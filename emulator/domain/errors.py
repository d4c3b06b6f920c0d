"""The caller's faults, in AWS's words.

Every text that had to be learnt by hand stands here with its source; texts that follow from the API model
are made in wire/validation.py. Sources: [create] sagemaker-examples and sdk issues with real output,
[K] AWS practice without a public capture; both are told apart in docs/fidelity.md.
"""


class ServiceError(Exception):
    """Becomes the HTTP error answer `{"__type": code, "message": text}` with `status`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation_error(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def operation_not_emulated(service: str, operation: str) -> ServiceError:
    """AWS has the operation, the emulator has not: said plainly, never a pretended success."""
    text = f"The emulator does not implement {service}.{operation}. See docs/fidelity.md for what it does."
    return ServiceError("NotImplemented", text, status=501)


# CloudWatch Logs
def invalid_parameter(message: str) -> ServiceError:
    return ServiceError("InvalidParameterException", message)


def mutually_exclusive(one: str, other: str) -> ServiceError:
    return invalid_parameter(
        f"{one} and {other} are mutually exclusive parameters. Specify only one of them."
    )


def log_group_not_found() -> ServiceError:
    """[K] Both SDKs tolerate the code before the first log of an account."""
    return ServiceError("ResourceNotFoundException", "The specified log group does not exist.")


def log_stream_not_found() -> ServiceError:
    return ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")


# IAM and STS


def no_such_role(name: str) -> ServiceError:
    """[K] IAM's text, which moto has as well."""
    return ServiceError("NoSuchEntity", f"The role with name {name} cannot be found.", status=404)


def invalid_marker(marker: str) -> ServiceError:
    return ServiceError("ValidationError", f"Invalid Marker: {marker}")


def invalid_role_arn(arn: str) -> ServiceError:
    """[K]"""
    return ServiceError("ValidationError", f"{arn} is invalid")


def not_authorized_to_assume(caller_arn: str, role_arn: str) -> ServiceError:
    """[K] STS does not tell whether the role exists."""
    text = f"User: {caller_arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    return ServiceError("AccessDenied", text, status=403)


# Training jobs


def training_job_name_in_use(arn: str) -> ServiceError:
    """Source: amazon-sagemaker-examples#3108."""
    return ServiceError(
        "ResourceInUse",
        "Training job names must be unique within an AWS account and region, "
        f"and a training job with this name already exists ({arn})",
    )


def resource_not_found() -> ServiceError:
    """Describe and Stop of an unknown job, although the model has ResourceNotFound (boto3#2808)."""
    return validation_error("Requested resource not found.")


def role_not_assumable(arn: str) -> ServiceError:
    """Create with a role that does not exist or does not trust SageMaker (predictive-maintenance#3)."""
    return validation_error(
        f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )


def training_job_is_over(status: str) -> ServiceError:
    """StopTrainingJob of a finished job (awslabs/benchmark-ai#928)."""
    return validation_error(f"The request was rejected because the training job is in status {status}.")


def training_job_not_found() -> ServiceError:
    """Update and Delete of an unknown job, as the API's model says; the text is that of Describe."""
    return ServiceError("ResourceNotFound", "Requested resource not found.")


def training_job_not_deletable(reason: str) -> ServiceError:
    return ServiceError("ResourceInUse", f"The training job cannot be deleted: {reason}.")


def algorithm_exists(arn: str) -> ServiceError:
    """[K] In the form that models and endpoint configurations have."""
    return validation_error(f'Cannot create already existing algorithm "{arn}".')


def algorithm_does_not_exist(arn: str) -> ServiceError:
    """Source: amazon-sagemaker-examples#3923."""
    return validation_error(f"Algorithm {arn} does not exist.")


def not_allowed_by_algorithm(name: str, fault: str) -> ServiceError:
    return validation_error(f"The request does not fit algorithm {name}: {fault}.")


def no_objects_found(uri: str, region: str, role: str, bucket: str, fault: str = "") -> ServiceError:
    """Create with an empty or unreadable S3 input (amazon-sagemaker-examples#2489)."""
    text = (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
        f"exists in the selected region ({region}), that objects exist under that S3 prefix, and that the role "
        f'"{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )
    return validation_error(f"{text} Error message from S3: {fault}" if fault else text)


def bucket_elsewhere(region: str) -> str:
    """S3's words for a bucket of another Region, as `no_objects_found` quotes them (a Kedro user's real answer)."""
    return f"The bucket is in this region: {region}. Please use this region to retry the request"


def not_emulated(member: str, value: str, instead: str) -> ServiceError:
    """A value that AWS takes and the emulator cannot honour: refused, not ignored."""
    return validation_error(f"The emulator does not support {value} as {member} yet. {instead}")


def too_many_instances(
    instance_type: str, quota: int, wanted: int, usage: str = "training job usage"
) -> ServiceError:
    """AWS's words for a quota (amazon-sagemaker-examples and many others)."""
    return ServiceError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{instance_type} for {usage}' is {quota} Instances, with "
        f"current utilization of 0 Instances and a request delta of {wanted} Instances. "
        "Please contact AWS support to request an increase for this limit.",
    )


def too_many_tags(limit: int) -> ServiceError:
    return ServiceError("ResourceLimitExceeded", f"A resource can have at most {limit} tags.")


def invalid_next_token() -> ServiceError:
    return validation_error("The NextToken is invalid; repeat the request without it.")


def keep_alive_misplaced() -> ServiceError:
    """The text is ours."""
    return validation_error(
        "KeepAlivePeriodInSeconds cannot be given together with InstanceGroups or EnableManagedSpotTraining."
    )
