"""Pure: an image as DescribeEndpoint tells it (API DeployedImage)."""

from emulator.domain.image_source import ResolvedImage


def resolved_name(image: str, resolved: ResolvedImage) -> str:
    """As DescribeEndpoint tells it: the repository with the digest."""
    repository = image.partition("@")[0]
    head, colon, tag = repository.rpartition(":")
    name = head if colon and "/" not in tag else repository
    return f"{name}@{resolved.digest}" if resolved.digest else image
