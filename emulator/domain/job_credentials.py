"""The credentials that an algorithm finds in its container."""

SECRET = "emulator"  # noqa: S105 - signatures are not checked
"""The secret access key and the session token of every job; its access key is its account."""
