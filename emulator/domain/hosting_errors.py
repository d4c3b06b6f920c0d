"""The caller's faults about models, endpoints and transform jobs, in AWS's words; see errors.py."""

from emulator.domain.errors import ServiceError, validation_error

# Models


def model_not_found(arn: str) -> ServiceError:
    """Real answer of CreateEndpointConfig."""
    return validation_error(f'Could not find model "{arn}".')


def model_exists(arn: str) -> ServiceError:
    return validation_error(f'Cannot create already existing model "{arn}".')


def no_image_in_container() -> ServiceError:
    """Real answer of CreateModel."""
    return validation_error(
        "Specify one of either Image and Model Data URL or ModelPackageName in container definition."
    )


def many_multi_models() -> ServiceError:
    """Source: sagemaker-autopilot-step-functions#10."""
    return validation_error(
        "More than one container in MultiModel mode is not supported with inference pipeline."
    )


def model_data_not_found(uri: str) -> ServiceError:
    """Source: amazon-sagemaker-examples#2264 and others; with the full stop."""
    return validation_error(f"Could not find model data at {uri}.")


def model_data_not_accessible(uri: str, role: str, region: str) -> ServiceError:
    """Of another Region, or not readable. Real answer of CreateModel."""
    return validation_error(
        f'Could not access model data at {uri}. Please ensure that the role "{role}" exists and that its trust '
        'relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". '
        f'Also ensure that the role has "s3:GetObject" permissions and that the object is located in {region}. If '
        'your Model uses multiple models or uncompressed models, please ensure that the role has "s3:ListBucket" '
        "permission."
    )


def execution_role_invalid(arn: str) -> ServiceError:
    """Real answer of CreateModel."""
    return validation_error(
        f'The execution role ARN "{arn}" is invalid. Please ensure that the role exists and that its trust '
        'relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com".'
    )


# Endpoint configurations and endpoints


def endpoint_config_not_found(arn: str) -> ServiceError:
    """Source: terraform-provider-aws#40048."""
    return validation_error(f'Could not find endpoint configuration "{arn}".')


def endpoint_config_exists(arn: str) -> ServiceError:
    return validation_error(f'Cannot create already existing endpoint configuration "{arn}".')


def endpoint_not_found(arn: str) -> ServiceError:
    return validation_error(f'Could not find endpoint "{arn}".')


def endpoint_exists(arn: str) -> ServiceError:
    """Source: sagemaker-python-sdk#101."""
    return validation_error(f'Cannot create already existing endpoint "{arn}".')


def endpoint_in_progress(arn: str) -> ServiceError:
    """Update and Delete of an endpoint that is being made, changed or deleted (amazon-sagemaker-operator-for-k8s)."""
    return validation_error(f'Cannot update in-progress endpoint "{arn}".')


def endpoint_failed(arn: str) -> ServiceError:
    """Update of a failed endpoint, which can only be deleted. The beginning is known, the rest is as above."""
    return validation_error(f'Cannot update failed endpoint "{arn}".')


def endpoint_not_serverless(arn: str) -> ServiceError:
    """That it is refused is AWS's word (DG serverless-endpoints); the text is our choice."""
    return validation_error(
        f'Cannot update endpoint "{arn}" to serverless: its variants run on instances. Create another endpoint.'
    )


def variant_not_unique(name: str) -> ServiceError:
    """moto's text."""
    return validation_error(f'The variant name "{name}" was non-unique within the request.')


def variant_not_found(name: str, config_name: str) -> ServiceError:
    """moto's text."""
    return validation_error(
        f'The variant name(s) "{name}" is/are not present within endpoint configuration "{config_name}".'
    )


# Transform jobs


def transform_job_name_in_use(arn: str) -> ServiceError:
    """A processing job's real answer."""
    return ServiceError(
        "ResourceInUse",
        "Job name must be unique within an AWS account and region, and a job with this name already exists "
        f"({arn})",
    )


def transform_job_not_found(name: str) -> ServiceError:
    """Describe; the beginning is known from processing jobs (amazon-sagemaker-operator-for-k8s)."""
    return validation_error(f"Could not find requested job with name: {name}")


def transform_job_not_found_to_stop(name: str) -> ServiceError:
    """The beginning is known from code that matches on it."""
    return validation_error(f"Could not find job to update with name {name}")


def transform_job_is_over(status: str) -> ServiceError:
    """The beginning is known from code that matches on it."""
    return validation_error(f"The request was rejected because the transform job is in status {status}.")


def model_data_source_in_transform() -> ServiceError:
    """Source: sagemaker-python-sdk#4777."""
    return validation_error(
        "SageMaker Batch currently doesn't support Model entity with container definitions which use "
        "ModelDataSource attribute"
    )
