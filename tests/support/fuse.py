"""FUSE mounts, for tests that need real ones."""

import os
from pathlib import Path

import pytest

from emulator.fast_file import availability
from tests.support.images import cannot_run


def require_fuse(directory: Path) -> None:
    """Skip where no mount can be made; for root that is a failure if CI_REQUIRE_ALL=1."""
    reason = availability(directory)
    if reason is None:
        return
    if os.geteuid() != 0:
        pytest.skip(reason)
    cannot_run(reason)
