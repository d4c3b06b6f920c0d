import random
from collections.abc import Sequence

import pytest

from emulator.training.admission import MAX_OVERTAKEN, Room, Waiting, admit

GPU_ROOM = Room(memory_bytes=100, gpus=2)


def small(count: int) -> list[Waiting]:
    return [Waiting(f"small-{n}", 1, 0) for n in range(count)]


def test_admit_takes_everything_that_fits_in_order() -> None:
    queue = [Waiting("a", 40, 0), Waiting("b", 40, 2), Waiting("c", 20, 0)]

    assert admit(queue, GPU_ROOM) == ["a", "b", "c"]


def test_admit_of_an_empty_queue_is_empty() -> None:
    assert admit([], GPU_ROOM) == []


def test_admit_lets_a_smaller_job_go_ahead() -> None:
    queue = [Waiting("large", 90, 0), Waiting("larger", 60, 0), Waiting("small", 10, 0)]

    assert admit(queue, GPU_ROOM) == ["large", "small"]


@pytest.mark.parametrize("gpus", [3, 99])
def test_admit_counts_gpus_like_memory(gpus: int) -> None:
    queue = [Waiting("gpus", 1, gpus), Waiting("two", 1, 2), Waiting("one", 1, 1), Waiting("none", 1, 0)]

    assert admit(queue, GPU_ROOM) == ["two", "none"]


def test_admit_lets_nobody_pass_a_job_that_was_overtaken_often_enough() -> None:
    queue = [Waiting("first", 10, 0), Waiting("large", 95, 0, MAX_OVERTAKEN), Waiting("small", 1, 0)]

    assert admit(queue, GPU_ROOM) == ["first"]


def test_admit_starts_an_often_overtaken_job_as_soon_as_there_is_room() -> None:
    queue = [Waiting("large", 95, 0, MAX_OVERTAKEN), Waiting("small", 1, 0)]

    assert admit(queue, GPU_ROOM) == ["large", "small"]


def test_admit_lets_at_most_eight_pass_in_one_go() -> None:
    queue = [Waiting("large", 101, 0), *small(20)]

    assert admit(queue, GPU_ROOM) == [f"small-{n}" for n in range(8)]


def test_admit_counts_those_that_passed_before() -> None:
    queue = [Waiting("large", 101, 0, MAX_OVERTAKEN - 1), *small(20)]

    assert admit(queue, GPU_ROOM) == ["small-0"]


def test_admit_counts_only_those_behind_the_waiting_job() -> None:
    queue = [*small(10), Waiting("large", 101, 0, MAX_OVERTAKEN - 1), Waiting("last", 1, 0)]

    assert admit(queue, GPU_ROOM) == [*(f"small-{n}" for n in range(10)), "last"]


def count_overtaken(queue: Sequence[Waiting], admitted: Sequence[str]) -> list[Waiting]:
    """The queue that is left, with everybody's new count."""
    left = []
    for index, job in enumerate(queue):
        if job.arn not in admitted:
            passed = sum(other.arn in admitted for other in queue[index + 1 :])
            left.append(Waiting(job.arn, job.memory_bytes, job.gpus, job.overtaken + passed))
    return left


@pytest.mark.parametrize("seed", range(10))
def test_admit_over_any_sequence_keeps_within_room_and_lets_nobody_starve(seed: int) -> None:
    random_source = random.Random(seed)
    room = Room(memory_bytes=100, gpus=4)
    queue: list[Waiting] = []
    running: list[Waiting] = []
    started: list[str] = []
    for arrival in range(400):
        if arrival < 150:
            size = random_source.choice([1, 3, 10, 50, 100])
            queue.append(Waiting(f"job-{arrival}", size, random_source.choice([0, 0, 1, 4])))
        if running and random_source.random() < 0.7:
            running.pop(random_source.randrange(len(running)))
        free = Room(
            room.memory_bytes - sum(job.memory_bytes for job in running),
            room.gpus - sum(job.gpus for job in running),
        )
        admitted = admit(queue, free)
        running += [job for job in queue if job.arn in admitted]
        started += admitted
        assert sum(job.memory_bytes for job in running) <= room.memory_bytes
        assert sum(job.gpus for job in running) <= room.gpus
        queue = count_overtaken(queue, admitted)
        assert all(job.overtaken <= MAX_OVERTAKEN for job in queue)
    assert sorted(started) == sorted(f"job-{n}" for n in range(150))
