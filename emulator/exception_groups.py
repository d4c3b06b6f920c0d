"""Faults that task groups bundle."""


def innermost(error: BaseException) -> BaseException:
    """The first fault in a bundle of bundles; the error itself where it is none."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
