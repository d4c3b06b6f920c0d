"""ECR's faults, in AWS's words; see errors.py. Sources: issues of moto, aws-cdk, terraform-provider-aws, and [K]."""

from emulator.domain.ecr import RepositoryKey
from emulator.domain.errors import ServiceError, validation_error


def registry_unavailable(why: str) -> ServiceError:
    """Our own text. Not a 5xx, which clients would send again."""
    return ServiceError("ServerException", f"The emulator has no registry that stands in for ECR. {why}")


def registry_fault(why: str) -> ServiceError:
    return ServiceError("ServerException", f"The registry that stands in for ECR has a fault: {why}")


def deletion_is_off() -> ServiceError:
    return registry_fault(
        "it does not delete images; start it with REGISTRY_STORAGE_DELETE_ENABLED=true in its environment."
    )


def registry_of_another(caller: str, account_id: str) -> ServiceError:
    """[K] AWS's code and form; it names the action, too."""
    return ServiceError(
        "AccessDeniedException",
        f"User: arn:aws:iam::{caller}:root is not authorized to access the registry with id '{account_id}', because "
        "no resource-based policy allows it",
    )


def repository_exists(key: RepositoryKey) -> ServiceError:
    return ServiceError(
        "RepositoryAlreadyExistsException",
        f"The repository with name '{key.name}' already exists in the registry with id '{key.account_id}'",
    )


def repository_not_found(key: RepositoryKey) -> ServiceError:
    return ServiceError(
        "RepositoryNotFoundException",
        f"The repository with name '{key.name}' does not exist in the registry with id '{key.account_id}'",
    )


def repository_not_empty(key: RepositoryKey) -> ServiceError:
    return ServiceError(
        "RepositoryNotEmptyException",
        f"The repository with name '{key.name}' in registry with id '{key.account_id}' cannot be deleted because "
        "it still contains images",
    )


def image_missing(key: RepositoryKey, digest: str | None, tag: str | None) -> ServiceError:
    image = f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"
    return ServiceError(
        "ImageNotFoundException",
        f"The image with imageId {image} does not exist within the repository with name '{key.name}' in the "
        f"registry with id '{key.account_id}'",
    )


def policy_not_found(key: RepositoryKey) -> ServiceError:
    return ServiceError(
        "RepositoryPolicyNotFoundException",
        f"Repository policy does not exist for the repository with name '{key.name}' in the registry with id "
        f"'{key.account_id}'",
    )


def lifecycle_policy_not_found(key: RepositoryKey) -> ServiceError:
    return ServiceError(
        "LifecyclePolicyNotFoundException",
        f"Lifecycle policy does not exist for the repository with name '{key.name}' in the registry with id "
        f"'{key.account_id}'",
    )


def invalid_parameter(parameter: str, why: str) -> ServiceError:
    text = f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{why}'"
    return ServiceError("InvalidParameterException", text)


def too_many_tags(limit: int) -> ServiceError:
    return ServiceError("TooManyTagsException", f"A repository can have at most {limit} tags.")


# Create of a training job
_PERMISSIONS = "ecr:BatchCheckLayerAvailability, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer"


def training_repository_not_found(key: RepositoryKey, role: str) -> ServiceError:
    """Source: amazon-sagemaker-examples#2534."""
    return validation_error(
        f"Cannot find repository: {key.name} in registry ID: {key.account_id} Please check if your ECR repository "
        f"exists and role {role} has proper pull permissions for SageMaker: {_PERMISSIONS}"
    )


def training_repository_denied(key: RepositoryKey, role: str) -> ServiceError:
    """Another account's repository. Source: sagemaker-spark-container#158 and others."""
    return validation_error(
        f"Access denied for repository: {key.name} in registry ID: {key.account_id}. Please check if your ECR "
        f"repository and image exist and role {role} has proper pull permissions for SageMaker: {_PERMISSIONS}"
    )


def training_image_not_found(image: str) -> ServiceError:
    """The repository exists. Source: easy-amazon-sagemaker-deployments#4, there for CreateModel."""
    return validation_error(f"Requested image {image} not found.")


def other_image_not_found(image: str, use: str) -> ServiceError:
    """Our own text: AWS trains and serves with images in ECR only."""
    return validation_error(
        f"The emulator cannot find the {use} {image}: it is not on the Docker Engine, and pulling is off "
        "(OFFLINE). Build or pull it on the Docker Engine that the emulator uses."
    )
