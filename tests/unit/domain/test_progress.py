from datetime import timedelta

import pytest

from emulator.domain.cluster import Limits
from emulator.domain.progress import Placement, Progress
from emulator.domain.status import MOVES, Message, SecondaryStatus
from emulator.domain.stop_reason import StopReason
from tests.support.builders import a_progress
from tests.support.clock import START

S = SecondaryStatus
LATER = START + timedelta(seconds=5)


def test_progress_begins_with_one_open_transition() -> None:
    progress = Progress.begin(START)

    (only,) = progress.transitions
    assert (only.status, only.start_time, only.end_time) == (S.STARTING, START, None)
    assert only.message == "Starting the training job"
    assert (progress.secondary_status, progress.last_modified_time) == (S.STARTING, START)


def test_say_overwrites_the_message_and_nothing_else_of_the_transition() -> None:
    progress = Progress.begin(START).say(Message.PREPARING, LATER)

    (only,) = progress.transitions
    assert (only.status, only.start_time, only.end_time) == (S.STARTING, START, None)
    assert only.message == "Preparing the instances for training"
    assert progress.last_modified_time == LATER


def test_say_keeps_earlier_transitions_and_notes_facts() -> None:
    progress = a_progress(S.DOWNLOADING).say("x", LATER, object_counts={"train": {"algo-1": 2}})

    assert [transition.message for transition in progress.transitions] == ["Starting the training job", "x"]
    assert progress.object_counts == {"train": {"algo-1": 2}}


def test_enter_closes_the_last_transition_where_the_next_begins() -> None:
    progress = Progress.begin(START).enter(S.DOWNLOADING, "m", LATER, training_start_time=LATER)

    first, second = progress.transitions
    assert (first.end_time, second.start_time, second.end_time) == (LATER, LATER, None)
    assert (progress.secondary_status, progress.training_start_time) == (S.DOWNLOADING, LATER)
    assert progress.last_modified_time == LATER


@pytest.mark.parametrize("status", [S.COMPLETED, S.FAILED, S.STOPPED, S.MAX_RUNTIME_EXCEEDED])
def test_finish_ends_where_it_starts_and_tells_the_end_of_training(status: SecondaryStatus) -> None:
    before = a_progress(S.DOWNLOADING, S.TRAINING, S.UPLOADING)

    progress = before.finish(status, LATER, failure_reason="why")

    last = progress.transitions[-1]
    assert (last.status, last.start_time, last.end_time) == (status, LATER, LATER)
    assert progress.transitions[-2].end_time == LATER
    assert (progress.training_end_time, progress.failure_reason) == (LATER, "why")


def test_finish_tells_no_end_of_a_training_that_never_began() -> None:
    progress = Progress.begin(START).finish(S.FAILED, LATER)

    assert progress.training_end_time is None
    assert progress.training_start_time is None


@pytest.mark.parametrize("before", S)
def test_enter_refuses_every_move_that_is_not_in_the_table(before: SecondaryStatus) -> None:
    progress = Progress.begin(START).model_copy(update={"secondary_status": before})

    for after in set(S) - MOVES[before]:
        with pytest.raises(ValueError, match=f"cannot go from {before} to {after}"):
            progress.enter(after, "m", LATER)


def test_progress_survives_json() -> None:
    limits = Limits(memory_bytes=2**30, cpus=2, shm_bytes=2**29, gpu_ids=("0", "1"))
    progress = a_progress(
        S.DOWNLOADING,
        S.TRAINING,
        S.STOPPING,
        placement=Placement(limits={"algo-1": limits}, notices={"algo-1": ("a", "b")}),
        stop_reason=StopReason.MAX_RUNTIME,
        object_counts={"train": {"algo-1": 3}},
    )

    assert Progress.model_validate_json(progress.model_dump_json()) == progress


def test_placement_adds_up_what_its_hosts_have() -> None:
    placement = Placement(
        limits={
            "algo-1": Limits(memory_bytes=3, cpus=1, shm_bytes=1, gpu_ids=("0",)),
            "algo-2": Limits(memory_bytes=4, cpus=1, shm_bytes=1, gpu_ids=("2", "3")),
        }
    )

    assert placement.memory_bytes == 7
    assert placement.gpu_ids == {"0", "2", "3"}
