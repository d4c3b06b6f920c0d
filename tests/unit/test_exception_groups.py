import pytest

from emulator.exception_groups import innermost

FAULT = ValueError("the model is gone")


@pytest.mark.parametrize(
    "error",
    [
        FAULT,
        ExceptionGroup("one", [FAULT]),
        ExceptionGroup("outer", [ExceptionGroup("inner", [FAULT, OSError()]), OSError()]),
    ],
)
def test_the_first_fault_of_bundles_is_found(error):
    assert innermost(error) is FAULT
