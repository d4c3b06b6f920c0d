"""The table of contents: importing a family registers its operations."""

from emulator.operations import (
    caller_identity,
    ecr_images,
    ecr_policies,
    ecr_repositories,
    ecr_tags,
    log_events,
    roles,
    tags,
    training_job_list,
    training_jobs,
)

__all__ = [
    "caller_identity",
    "ecr_images",
    "ecr_policies",
    "ecr_repositories",
    "ecr_tags",
    "log_events",
    "roles",
    "tags",
    "training_job_list",
    "training_jobs",
]
