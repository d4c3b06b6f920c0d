"""Model data's faults, in the words of FailureReason of endpoints (and of transform jobs)."""


def model_data_not_downloaded(url: str) -> str:
    """AWS's text (fraud-detection-using-machine-learning#9)."""
    return (
        f'Failed to download model data for container "container_1" from URL: "{url}". Please ensure that there is an '
        "object located at the URL and that the role passed to CreateModel has permissions to download the object."
    )


def model_data_too_slow(url: str, limit: float) -> str:
    """`limit` in seconds. The text is our choice; AWS's is not established."""
    return (
        f'Failed to download model data from URL "{url}": downloading and extracting it took longer than '
        f"ModelDataDownloadTimeoutInSeconds ({limit:g})."
    )


def model_files_impossible(url: str, why: str) -> str:
    """That such a deployment fails is AWS's word (API S3ModelDataSource$CompressionType); the text is our choice."""
    return (
        f'Failed to download model data from URL "{url}". Please ensure that the keys of the objects at the URL are '
        f"names that files can have. ({why})"
    )


def model_archive_invalid(url: str, why: str) -> str:
    """AWS's text (deep-learning-containers#569 and later ones), and what the user needs to know to act on it."""
    return (
        f'Failed to extract model data archive from URL "{url}". '
        f"Please ensure that the object located at the URL is a valid tar.gz archive. ({why})"
    )


def model_archive_too_large(url: str, why: str) -> str:
    """AWS's text (an endpoint's real FailureReason of 2024), and which limit it is."""
    return (
        f'Failed to extract model data archive from URL "{url}". The model data archive is too large. Please reduce '
        f"the size of the model data archive or move to an instance type with more memory. ({why})"
    )
