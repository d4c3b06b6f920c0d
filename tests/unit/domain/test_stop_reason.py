from emulator.domain.status import FINAL, SecondaryStatus, TrainingJobStatus
from emulator.domain.stop_reason import StopReason


def test_stop_reason_of_the_user_ends_in_stopped() -> None:
    assert StopReason.USER.verdict is SecondaryStatus.STOPPED


def test_stop_reason_of_the_time_limit_ends_in_max_runtime_exceeded() -> None:
    assert StopReason.MAX_RUNTIME.verdict is SecondaryStatus.MAX_RUNTIME_EXCEEDED


def test_stop_reason_always_ends_in_the_status_stopped() -> None:
    assert {FINAL[reason.verdict] for reason in StopReason} == {TrainingJobStatus.STOPPED}
