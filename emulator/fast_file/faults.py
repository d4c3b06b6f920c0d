"""What the package raises."""


class FastFileError(Exception):
    """One sentence that says why there is no mount, or no bytes, and what to do."""
