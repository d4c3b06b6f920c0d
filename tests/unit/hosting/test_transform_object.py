from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest
from anyio import CancelScope, CapacityLimiter

from emulator.hosting.transform_object import in_threads


@contextmanager
def writer(ends: list[type[BaseException] | None]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        ends.append(type(error))
        raise
    ends.append(None)


def test_context_is_left_with_what_ended_its_block() -> None:
    ends: list[type[BaseException] | None] = []

    async def main() -> None:
        async with in_threads(CapacityLimiter(1), writer(ends)):
            pass
        with pytest.raises(ValueError, match="mine"):
            async with in_threads(CapacityLimiter(1), writer(ends)):
                raise ValueError("mine")

    anyio.run(main)
    assert ends == [None, ValueError]


def test_cancelled_block_is_never_left_as_if_it_had_ended_well() -> None:
    ends: list[type[BaseException] | None] = []

    async def main() -> None:
        with CancelScope() as scope:
            async with in_threads(CapacityLimiter(1), writer(ends)):
                scope.cancel()

    anyio.run(main)
    assert len(ends) == 1
    assert ends[0] is not None
