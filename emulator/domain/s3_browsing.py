"""Objects of S3 seen with a browser, in which whatever anybody has uploaded would be a page of the emulator's own."""

from collections.abc import Iterable, Mapping

ISOLATION: Mapping[str, str] = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
"""Headers of an answer by which a page runs no script and belongs to no server. S3, a site of its own, has none."""

NO_OVERRIDES = "Request specific response headers cannot be used for anonymous GET requests."


def has_overrides(query: Iterable[str]) -> bool:
    """Whether a query, by its members' names, says what headers the answer shall have; S3 wants it signed."""
    return any(name.startswith("response-") for name in query)
