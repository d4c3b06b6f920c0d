"""The table of contents: importing a family registers its operations."""

from emulator.operations import caller_identity, log_events, tags, training_job_list, training_jobs

__all__ = ["caller_identity", "log_events", "tags", "training_job_list", "training_jobs"]
