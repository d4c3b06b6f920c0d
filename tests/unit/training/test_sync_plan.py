import pytest

from emulator.domain.cluster import FileState
from emulator.training.sync_plan import MOST_TOGETHER, ONE_MORE_READ, plan_sync, read_batches

OLD, NEW = FileState(3, 100), FileState(3, 200)


def test_file_is_uploaded_when_two_looks_saw_it_alike() -> None:
    assert plan_sync({}, {}, {"a": OLD}) == ({}, [])
    assert plan_sync({}, {"a": OLD}, {"a": NEW}) == ({}, [])
    assert plan_sync({}, {"a": NEW}, {"a": NEW}) == ({"a": NEW}, [])


@pytest.mark.parametrize("now", [FileState(3, 200), FileState(4, 100)])
def test_file_is_uploaded_again_when_its_size_or_time_is_another(now: FileState) -> None:
    assert plan_sync({"a": OLD}, {"a": OLD}, {"a": OLD}) == ({}, [])
    assert plan_sync({"a": OLD}, {"a": now}, {"a": now}) == ({"a": now}, [])


def test_only_what_s3_has_by_this_host_is_deleted() -> None:
    assert plan_sync({"mine": OLD}, {"mine": OLD, "young": NEW}, {}) == ({}, ["mine"])


@pytest.mark.parametrize("suffix", ["uploading", "uploaded", "ignore"])
def test_markers_are_not_uploaded(suffix: str) -> None:
    now = {f"a.sagemaker-{suffix}": OLD, "a.sagemaker": OLD}
    assert plan_sync({}, now, now).uploads == {"a.sagemaker": OLD}


def test_small_files_are_read_together() -> None:
    files = {str(number): FileState(1000, 1) for number in range(50)}
    assert list(read_batches(files, files)) == [files]
    assert list(read_batches({}, files)) == []


def test_large_files_are_read_one_by_one() -> None:
    files = {name: FileState(MOST_TOGETHER, 1) for name in ("a", "b")}
    assert list(read_batches(files, files)) == [{"a": files["a"]}, {"b": files["b"]}]


def test_a_small_file_beside_large_ones_is_read_alone() -> None:
    small = {"a": FileState(1, 1), "b": FileState(1, 1)}
    assert list(read_batches(small, {**small, "big": FileState(3 * ONE_MORE_READ, 1)})) == [
        {"a": small["a"]},
        {"b": small["b"]},
    ]
